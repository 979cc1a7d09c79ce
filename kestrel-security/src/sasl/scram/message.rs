//! The four messages of SCRAM: written by one side, read by the other. What is signed is the text as it went over the wire.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The header that a client without channel binding and without an authorization id begins with.
const NO_BINDING: &str = "n,,";
/// The extension by which a delegation token is told from a user (KIP-48).
const TOKEN_AUTH: &str = "tokenauth";

/// What is wrong with a message; never with its contents.
pub(super) type Problem = &'static str;

/// `n,[a=authorization id],n=user,r=nonce[,extensions]`.
pub(super) struct ClientFirst {
    /// What the client's last message has to repeat.
    pub(super) gs2_header: String,
    /// What comes after the header, and is signed.
    pub(super) bare: String,
    pub(super) authorization_id: Option<String>,
    pub(super) user: String,
    pub(super) nonce: String,
    pub(super) is_token: bool,
}

/// `r=both nonces,s=salt,i=iterations[,extensions]`.
pub(super) struct ServerFirst {
    pub(super) text: String,
    pub(super) nonce: String,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

/// `c=header in Base64,r=both nonces[,extensions],p=proof`.
pub(super) struct ClientFinal {
    /// What is signed: all but the proof.
    pub(super) without_proof: String,
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: String,
    pub(super) proof: Vec<u8>,
}

/// `v=signature` or `e=error`.
pub(super) enum ServerFinal {
    Signature(Vec<u8>),
    Error(String),
}

impl ClientFirst {
    pub(super) fn new(user: &str, nonce: String, is_token: bool) -> Self {
        let extensions = if is_token { format!(",{TOKEN_AUTH}=true") } else { String::new() };
        Self {
            gs2_header: NO_BINDING.to_owned(),
            bare: format!("n={},r={nonce}{extensions}", escaped(user)),
            authorization_id: None,
            user: user.to_owned(),
            nonce,
            is_token,
        }
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", self.gs2_header, self.bare)
    }

    pub(super) fn parse(message: &[u8]) -> Result<Self, Problem> {
        let text = utf8(message)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authorization_id), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("it has no header");
        };
        if flag != "n" {
            return Err("it asks for channel binding, which Kafka does not have");
        }
        let authorization_id = match authorization_id {
            "" => None,
            named => Some(unescaped(attribute(Some(named), "a")?)?),
        };
        let mut attributes = bare.split(',');
        let user = unescaped(attribute(attributes.next(), "n")?)?;
        let nonce = nonce(attribute(attributes.next(), "r")?)?;
        let gs2_header = text[..text.len() - bare.len()].to_owned();
        let is_token = extensions(attributes)?
            .iter()
            .any(|(name, value)| *name == TOKEN_AUTH && value.eq_ignore_ascii_case("true"));
        Ok(Self { gs2_header, bare: bare.to_owned(), authorization_id, user, nonce, is_token })
    }
}

impl ServerFirst {
    pub(super) fn new(nonce: String, salt: Vec<u8>, iterations: u32) -> Self {
        let text = format!("r={nonce},s={},i={iterations}", STANDARD.encode(&salt));
        Self { text, nonce, salt, iterations }
    }

    pub(super) fn parse(message: &[u8]) -> Result<Self, Problem> {
        let text = utf8(message)?;
        let mut attributes = text.split(',');
        let nonce = nonce(attribute(attributes.next(), "r")?)?;
        let salt = base64(attribute(attributes.next(), "s")?)?;
        let iterations = attribute(attributes.next(), "i")?;
        let is_number = iterations.bytes().all(|digit| digit.is_ascii_digit());
        let iterations = Some(iterations).filter(|_| is_number).and_then(|digits| digits.parse().ok());
        let iterations = iterations.ok_or("the number of iterations is none")?;
        extensions(attributes)?;
        Ok(Self { text: text.to_owned(), nonce, salt, iterations })
    }
}

impl ClientFinal {
    /// The message but for its proof.
    pub(super) fn without_proof(gs2_header: &str, nonce: &str) -> String {
        format!("c={},r={nonce}", STANDARD.encode(gs2_header))
    }

    /// The message of what is signed and the proof.
    pub(super) fn text(without_proof: &str, proof: &[u8]) -> String {
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }

    pub(super) fn parse(message: &[u8]) -> Result<Self, Problem> {
        let text = utf8(message)?;
        let (without_proof, proof) = text.rsplit_once(',').ok_or("it has no proof")?;
        let mut attributes = without_proof.split(',');
        let channel_binding = base64(attribute(attributes.next(), "c")?)?;
        let nonce = nonce(attribute(attributes.next(), "r")?)?;
        extensions(attributes)?;
        let proof = base64(attribute(Some(proof), "p")?)?;
        Ok(Self { without_proof: without_proof.to_owned(), channel_binding, nonce, proof })
    }
}

impl ServerFinal {
    pub(super) fn signature_text(signature: &[u8]) -> String {
        format!("v={}", STANDARD.encode(signature))
    }

    pub(super) fn parse(message: &[u8]) -> Result<Self, Problem> {
        let text = utf8(message)?;
        let mut attributes = text.split(',');
        let first = attributes.next();
        extensions(attributes)?;
        match first.and_then(|error| error.strip_prefix("e=")) {
            Some(error) => Ok(Self::Error(error.to_owned())),
            None => base64(attribute(first, "v")?).map(Self::Signature),
        }
    }
}

/// What both sides sign: the messages so far, but for the proof.
pub(super) fn auth_message(client_first_bare: &str, server_first: &str, client_final: &str) -> String {
    format!("{client_first_bare},{server_first},{client_final}")
}

/// The value of the attribute `name`, which `part` has to be.
fn attribute<'a>(part: Option<&'a str>, name: &str) -> Result<&'a str, Problem> {
    let value = part.and_then(|part| part.strip_prefix(name)).and_then(|rest| rest.strip_prefix('='));
    value.ok_or("an attribute is missing, or in another order than RFC 5802 says")
}

/// The pairs after the attributes. An extension that has to be understood (`m=`) comes first of all, where nothing expects it.
fn extensions<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<(&'a str, &'a str)>, Problem> {
    let pairs = parts.map(|part| part.split_once('=').filter(|(name, value)| is_extension(name, value)));
    pairs.collect::<Option<_>>().ok_or("an extension is not of the form name=value")
}

fn is_extension(name: &str, value: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()) && !value.is_empty()
}

fn utf8(message: &[u8]) -> Result<&str, Problem> {
    let text = str::from_utf8(message).map_err(|_| "it is not UTF-8")?;
    if text.contains('\0') { Err("it has a NUL in it") } else { Ok(text) }
}

fn base64(value: &str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(value).map_err(|_| "an attribute is not Base64")
}

fn nonce(value: &str) -> Result<String, Problem> {
    let is_printable = value.bytes().all(|b| b.is_ascii_graphic());
    if value.is_empty() || !is_printable { Err("the nonce is not printable") } else { Ok(value.to_owned()) }
}

/// A name as messages have it.
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The name of what a message has.
fn unescaped(name: &str) -> Result<String, Problem> {
    let mut pieces = name.split('=');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (letter, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            (None, None) => return Err("a name has an `=` that is neither =2C nor =3D"),
        };
        plain.push(letter);
        plain.push_str(rest);
    }
    if plain.is_empty() { Err("a name is empty") } else { Ok(plain) }
}
