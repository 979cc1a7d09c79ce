//! The private key in a PEM text: PKCS#8, encrypted or not, PKCS#1 and SEC1. Pure.

use kestrel_settings::Secret;
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::block::Block;

/// The one private key among the blocks.
///
/// # Errors
/// With what is wrong, to stand after the name of the file. Never with a byte of the key or the password.
pub(super) fn private_key(
    blocks: &[Block<'_>],
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, String> {
    let mut keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
    match (keys.next(), keys.next()) {
        (Some(key), None) => read(key, password),
        (None, _) => {
            Err("there is no private key in it (a block that begins with -----BEGIN PRIVATE KEY-----)"
                .to_owned())
        }
        (Some(_), Some(_)) => Err("there are several private keys in it, and one is wanted".to_owned()),
    }
}

fn read(block: &Block<'_>, password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, String> {
    if block.has_headers {
        return Err(OLD_ENCRYPTION.to_owned());
    }
    let der = block.der.clone();
    match block.label {
        "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        "ENCRYPTED PRIVATE KEY" => decrypt(&der, password).map(|der| PrivatePkcs8KeyDer::from(der).into()),
        other => Err(format!("a key of the kind {other} is not supported: RSA, ECDSA and Ed25519 are")),
    }
}

fn decrypt(der: &[u8], password: Option<&Secret>) -> Result<Vec<u8>, String> {
    let password = password.ok_or("the private key is encrypted: say its password with ssl.key.password")?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| OLD_ENCRYPTION)?;
    match encrypted.decrypt(password.expose()) {
        Ok(key) => Ok(key.as_bytes().to_vec()),
        Err(
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_),
        ) => Err("the password of ssl.key.password does not open the private key".to_owned()),
        Err(_) => Err(OLD_ENCRYPTION.to_owned()),
    }
}

/// The encryptions that are read are those of PBES2 with AES, which OpenSSL has written since version 1.1.
const OLD_ENCRYPTION: &str = "the private key is encrypted in an old way: write it anew with \
                              `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`";
