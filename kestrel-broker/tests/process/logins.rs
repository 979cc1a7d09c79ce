//! Logins: what a log says of them, and what it never does.

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sasl_authenticate::SaslAuthenticateRequest;
use kestrel_protocol::messages::sasl_handshake::SaslHandshakeRequest;

use crate::program::Program;
use crate::wire::Wire;

/// Passwords that are nowhere else.
const PLANTED: [&str; 3] = ["planted-by-user-option", "planted-by-jaas-config", "planted-by-a-guess"];

fn log_in(broker: &Program, user: &str, password: &str) -> ErrorCode {
    let mut wire = Wire::connect(broker.address);
    let handshake = SaslHandshakeRequest { mechanism: "PLAIN".into() };
    assert_eq!(wire.call(&handshake, 1).unwrap().error_code, ErrorCode::None);
    let token = format!("\0{user}\0{password}").into_bytes();
    wire.call(&SaslAuthenticateRequest { auth_bytes: token.into() }, 2).unwrap().error_code
}

#[test]
fn no_secret_is_in_a_log_at_any_level() {
    let dir = tempfile::tempdir().unwrap();
    let [alices, bobs, guess] = PLANTED;
    let jaas = format!(
        "listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
         required user_bob=\"{bobs}\";"
    );
    let alice = format!("alice:{alices}");
    let broker = Program::start_traced(dir.path(), &["--user", &alice, "--set", &jaas]);
    assert_eq!(log_in(&broker, "alice", alices), ErrorCode::None);
    assert_eq!(log_in(&broker, "bob", bobs), ErrorCode::None);
    assert_eq!(log_in(&broker, "alice", guess), ErrorCode::SaslAuthenticationFailed);
    let log = broker.stop_for_log();
    assert!(log.contains("SaslAuthenticate v2"), "it is a log at level trace: {log}");
    assert!(log.contains("authentication with PLAIN failed: user \"alice\": wrong password"), "{log}");
    for secret in PLANTED {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
