//! The `kestrel-broker` binary.
fn main() {}
