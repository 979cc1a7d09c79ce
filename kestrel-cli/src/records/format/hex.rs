//! Bytes in hexadecimal, sixteen a line, with the characters that they are beside. Pure.

use std::io::Write;

use crate::records::view::View;

pub(super) fn write(view: &View<'_>, out: &mut Vec<u8>) {
    let _infallible = writeln!(
        out,
        "{}-{} offset {} timestamp {}",
        view.topic, view.partition, view.offset, view.timestamp_millis
    );
    for (key, value) in view.headers {
        part(&format!("header {key:?}"), *value, out);
    }
    part("key", view.key.bytes, out);
    part("value", view.value.bytes, out);
}

fn part(name: &str, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        let _infallible = writeln!(out, "  {name}: null");
        return;
    };
    let _infallible = writeln!(out, "  {name}: {} bytes", bytes.len());
    for (row, line) in bytes.chunks(16).enumerate() {
        let _infallible = write!(out, "    {:06x} ", row * 16);
        for column in 0..16 {
            out.extend_from_slice(if column == 8 { b"  " } else { b" " });
            let _infallible = match line.get(column) {
                Some(byte) => write!(out, "{byte:02x}"),
                None => write!(out, "  "),
            };
        }
        out.extend_from_slice(b"  |");
        out.extend(
            line.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { *byte } else { b'.' }),
        );
        out.extend_from_slice(b"|\n");
    }
}
