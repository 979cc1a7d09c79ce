//! What RFC 7677 prints, and what other implementations computed.

use super::*;

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// The salt of the example, and of the user that it is about.
fn pencil() -> Users {
    let salt =
        [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
    let mechanism = ScramMechanism::Sha256;
    let credential = ScramCredential::from_password(mechanism, &Secret::new("pencil"), &salt, 4096).unwrap();
    Users { scram: BTreeMap::from([((mechanism, "user".to_owned()), credential)]), ..Users::default() }
}

#[test]
fn the_client_says_what_rfc_7677_prints() {
    let password = Secret::new("pencil");
    let mut client = SaslClient::scram(ScramMechanism::Sha256, "user", &password, Nonce::of(CLIENT_NONCE));
    assert_eq!(client.initial(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(sent(client.handle(SERVER_FIRST.as_bytes()).unwrap()), CLIENT_FINAL);
    assert_eq!(client.handle(SERVER_FINAL.as_bytes()), Ok(ClientStep::Done));
}

#[test]
fn the_server_says_what_rfc_7677_prints() {
    let users = pencil();
    let mut server = SaslServer::new(Mechanism::ScramSha256, Nonce::of(SERVER_NONCE));
    let first = server.handle(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", &users).unwrap();
    assert_eq!(challenge(first), SERVER_FIRST);
    let ServerStep::Done(done) = server.handle(CLIENT_FINAL.as_bytes(), &users).unwrap() else { panic!() };
    assert_eq!((&*done.authorization_id, &done.last[..]), ("user", SERVER_FINAL.as_bytes()));
}
