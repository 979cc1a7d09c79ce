//! A run of batches: torn tails, damage in the middle.

use bytes::Bytes;

use super::super::{Compression, RecordBatches};
use super::{batch_of, kind, values};
use crate::error::DecodeErrorKind;

fn run_of_two() -> (Vec<u8>, usize) {
    let mut run = batch_of(&[b"first"], Compression::None).into_bytes().to_vec();
    let boundary = run.len();
    run.extend_from_slice(batch_of(&[b"second", b"third"], Compression::Gzip).bytes());
    (run, boundary)
}

#[test]
fn batches_come_in_order_and_share_the_bytes() {
    let (run, boundary) = run_of_two();
    let run = Bytes::from(run);
    let batches: Vec<_> = RecordBatches::new(run.clone()).map(Result::unwrap).collect();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[1].bytes().as_ptr(), run[boundary..].as_ptr());
    assert_eq!(values(&batches[1]), [Some(Bytes::from("second")), Some(Bytes::from("third"))]);
}

#[test]
fn a_run_torn_at_any_byte_gives_the_whole_batches_before_it() {
    let (run, boundary) = run_of_two();
    for cut in 0..run.len() {
        let mut batches = RecordBatches::new(Bytes::copy_from_slice(&run[..cut]));
        let whole = batches.by_ref().map(Result::unwrap).count();
        assert_eq!(whole, usize::from(cut >= boundary), "cut at {cut}");
        assert_eq!(batches.rest().len(), cut - whole * boundary, "cut at {cut}");
    }
}

#[test]
fn damage_is_an_error_once_and_then_the_end() {
    let (mut run, boundary) = run_of_two();
    run[boundary + 16] = 1;
    let mut batches = RecordBatches::new(run.into());
    assert!(batches.next().unwrap().is_ok());
    assert_eq!(kind(batches.next().unwrap()), DecodeErrorKind::UnsupportedMagic(1));
    assert!(batches.next().is_none());
}
