//! Encrypted connections: to a registry whose authority is trusted, and to one whose is not.

use kestrel_security::tls::{Identity, Reloading, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;

use super::script::{Act, Script};
use crate::*;

/// A certificate for 127.0.0.1, and the authority that has signed it.
fn certificate() -> (Identity, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&own, &issuer).unwrap();
    (Identity::from_pem(signed.pem(), own.serialize_pem()), authority)
}

async fn encrypted(identity: Identity, acts: Vec<Act>) -> Script {
    let acceptor = TlsAcceptor::from(Reloading::new(ServerTls::new(identity)).unwrap().current());
    Script::behind("https", acts, move |tcp| acceptor.accept(tcp)).await
}

#[tokio::test]
async fn a_registry_is_spoken_to_by_tls() {
    let (identity, authority) = certificate();
    let script = encrypted(identity, vec![Act::Answer(200, r#"["a"]"#); 2]).await;
    let client = RegistryClient::builder(&script.url).tls(ClientTls::ca_pem(&authority)).build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.subjects().await.unwrap(), ["a"]);
    }
    assert_eq!(script.connections(), 1);
}

#[tokio::test]
async fn a_registry_that_nobody_vouches_for_is_not_spoken_to() {
    let (identity, _) = certificate();
    let (_, of_another) = certificate();
    let script = encrypted(identity, vec![]).await;
    let client = RegistryClient::builder(&script.url).retries(0).tls(ClientTls::ca_pem(of_another));
    let error = client.build().unwrap().subjects().await.unwrap_err();
    assert!(error.to_string().contains("TLS: "), "{error}");
    assert!(script.lines().is_empty());
}
