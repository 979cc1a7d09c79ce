//! PublicKey: a key of an issuer, as a JSON Web Key has it (RFC 7517).

use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::jws::decoded;

/// A key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// `kid`: its name.
    pub(super) id: Option<String>,
    /// `alg`: the one algorithm that it is for, if it is not for all of its kind.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Point { curve: &'static str, encoded: Vec<u8> },
}

/// The fewest bytes of an RSA modulus: 2,048 bits.
const MIN_MODULUS_BYTES: usize = 256;

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// With the reason why it verifies nothing here.
    pub(super) fn from_json(key: &Map<String, Value>) -> Result<Self, &'static str> {
        if text(key, "use").is_some_and(|purpose| purpose != "sig") {
            return Err("it is not for signatures");
        }
        let operations = key.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|all| all.iter().all(|operation| operation != "verify")) {
            return Err("it is not for verifying");
        }
        let algorithm = match text(key, "alg") {
            Some(name) => Some(Algorithm::of_name(name).ok_or("its `alg` is none that is verified here")?),
            None => None,
        };
        let id = text(key, "kid").map(str::to_owned);
        let key = Self { id, algorithm, material: material(key)? };
        if key.algorithm.is_some_and(|algorithm| !key.material.is_for(algorithm)) {
            return Err("its `alg` is none of its type");
        }
        Ok(key)
    }

    /// Whether it is made for an algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.material.is_for(algorithm)
    }

    /// Whether a signature is of this key.
    pub(super) fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Rsa { modulus: n, exponent: e } => algorithm
                .rsa()
                .map(|parameters| RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)),
            Material::Point { curve, encoded } => algorithm
                .point(curve)
                .map(|algorithm| UnparsedPublicKey::new(algorithm, encoded).verify(signed, signature)),
        };
        self.is_for(algorithm) && verified.is_some_and(|verified| verified.is_ok())
    }
}

impl Material {
    fn is_for(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => algorithm.rsa().is_some(),
            Self::Point { curve, .. } => algorithm.point(curve).is_some(),
        }
    }
}

fn material(key: &Map<String, Value>) -> Result<Material, &'static str> {
    let bytes = |name| text(key, name).and_then(decoded);
    match (text(key, "kty"), text(key, "crv")) {
        (Some("RSA"), _) => {
            let modulus = number(bytes("n").ok_or("it has no `n`")?);
            if modulus.len() < MIN_MODULUS_BYTES {
                return Err("it has fewer than 2048 bits");
            }
            Ok(Material::Rsa { modulus, exponent: number(bytes("e").ok_or("it has no `e`")?) })
        }
        (Some("EC"), Some("P-256")) => point("P-256", 32, bytes("x"), bytes("y")),
        (Some("EC"), Some("P-384")) => point("P-384", 48, bytes("x"), bytes("y")),
        (Some("OKP"), Some("Ed25519")) => {
            let encoded = bytes("x").filter(|x| x.len() == 32).ok_or("its `x` is no point of its curve")?;
            Ok(Material::Point { curve: "Ed25519", encoded })
        }
        (Some("oct"), _) => Err("it is a shared secret"),
        _ => Err("its type or its curve is none that is verified here"),
    }
}

/// A point of a curve, uncompressed.
fn point(
    curve: &'static str,
    length: usize,
    x: Option<Vec<u8>>,
    y: Option<Vec<u8>>,
) -> Result<Material, &'static str> {
    let coordinate = |bytes: Option<Vec<u8>>| bytes.filter(|bytes| bytes.len() == length);
    let (x, y) = coordinate(x).zip(coordinate(y)).ok_or("`x` and `y` are no point of its curve")?;
    Ok(Material::Point { curve, encoded: [vec![4], x, y].concat() })
}

/// A number without the zeros that some issuers write before it.
fn number(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

fn text<'a>(key: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    key.get(name).and_then(Value::as_str)
}
