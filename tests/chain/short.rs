//! The chain on the broker of this build. `.ci/run chain` plays it longer, on the release broker and on Apache Kafka.

use std::path::Path;
use std::process::Command;

use kestrel_tests::built_broker;

const CHAIN: &str = env!("CARGO_BIN_EXE_kestrel-chain");

#[test]
fn each_record_comes_out_once_whoever_is_killed() {
    let mut chain = Command::new(CHAIN);
    let broker = built_broker(Path::new(CHAIN));
    let played = chain.arg("--broker").arg(broker).args(["--records", "1200", "--kills", "2"]).output();
    let played = played.expect("the chain runs");
    let printed = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{printed}{}", String::from_utf8_lossy(&played.stderr));
}
