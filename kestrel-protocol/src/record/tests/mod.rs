//! Tests of the record batches.
