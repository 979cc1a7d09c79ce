//! Users as `kafka-storage format --add-scram` is given them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kestrel_settings::Secret;

use super::credential::{CredentialError, ScramCredential};
use super::mechanism::ScramMechanism;

/// A user that is to be made with a data folder.
///
/// ```
/// use kestrel_security::sasl::{NewScramUser, ScramMechanism};
///
/// let user = NewScramUser::parse("SCRAM-SHA-256=[name=alice,password=opensesame,iterations=8192]")?;
/// assert_eq!((user.name(), user.mechanism()), ("alice", ScramMechanism::Sha256));
/// let random = [7; 26]; // from the system's generator, in a program
/// assert_eq!(user.credential(&random)?.iterations, 8192);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScramUser {
    name: String,
    mechanism: ScramMechanism,
    /// `None` when one has to be drawn.
    salt: Option<Vec<u8>>,
    iterations: u32,
    password: Password,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Password {
    Plain(Secret),
    /// In Base64, so that it stays hidden.
    Salted(Secret),
}

/// Why a text names no user. No text repeats a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NewScramUserError {
    /// The text is not of the form `MECHANISM=[name=…,password=…]`.
    #[error("expected SCRAM-SHA-256=[name=…,password=…] or SCRAM-SHA-512=[…]")]
    Form,
    /// The mechanism is not one of SCRAM.
    #[error("`{0}` is neither SCRAM-SHA-256 nor SCRAM-SHA-512")]
    Mechanism(String),
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field is there that nobody knows.
    #[error(
        "only name, password, iterations, salt and saltedpassword are known, \
         and no value can have a comma in it"
    )]
    Unknown,
    /// A field cannot be read.
    #[error("`{field}` is not {expected}")]
    #[non_exhaustive]
    Value {
        /// The field.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The number of iterations is out of range.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

impl NewScramUser {
    /// Reads `SCRAM-SHA-256=[name=…,password=…]`, also with `iterations` and `salt`, and `saltedpassword` in place of the password.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, NewScramUserError> {
        let (mechanism, fields) = text.trim().split_once('=').ok_or(NewScramUserError::Form)?;
        let found = ScramMechanism::ALL.into_iter().find(|scram| scram.name() == mechanism);
        let mechanism = found.ok_or_else(|| NewScramUserError::Mechanism(mechanism.to_owned()))?;
        let fields = fields.strip_prefix('[').and_then(|fields| fields.strip_suffix(']'));
        Self::of_fields(mechanism, fields.ok_or(NewScramUserError::Form)?)
    }

    /// A user with a password, the default number of iterations, and a salt that is drawn.
    #[must_use]
    pub fn new(mechanism: ScramMechanism, name: impl Into<String>, password: Secret) -> Self {
        let iterations = ScramMechanism::MIN_ITERATIONS;
        Self { name: name.into(), mechanism, salt: None, iterations, password: Password::Plain(password) }
    }

    fn of_fields(mechanism: ScramMechanism, text: &str) -> Result<Self, NewScramUserError> {
        let mut fields = Fields::parse(text)?;
        let name = fields.take("name").ok_or(NewScramUserError::Missing("name"))?.to_owned();
        let salt = fields.take("salt").map(|salt| decode("salt", salt)).transpose()?;
        let iterations = fields.take("iterations").map(read_iterations).transpose()?;
        let password = match (fields.take("password"), fields.take("saltedpassword")) {
            (Some(password), _) => Password::Plain(Secret::new(password)),
            (None, None) => return Err(NewScramUserError::Missing("password")),
            (None, Some(_)) if salt.is_none() => return Err(NewScramUserError::Missing("salt")),
            (None, Some(salted)) => {
                decode("saltedpassword", salted)?;
                Password::Salted(Secret::new(salted))
            }
        };
        fields.end()?;
        let iterations = iterations.unwrap_or(ScramMechanism::MIN_ITERATIONS);
        Ok(Self { name, mechanism, salt, iterations, password })
    }

    /// The name of the user.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mechanism that the credential is for.
    #[must_use]
    pub fn mechanism(&self) -> ScramMechanism {
        self.mechanism
    }

    /// What is to be stored of the user. `random` is the salt where the text names none.
    ///
    /// # Errors
    /// When the number of iterations is out of range.
    pub fn credential(&self, random: &[u8]) -> Result<ScramCredential, NewScramUserError> {
        let salt = self.salt.as_deref().unwrap_or(random);
        let credential = match &self.password {
            Password::Plain(password) => {
                ScramCredential::from_password(self.mechanism, password, salt, self.iterations)
            }
            Password::Salted(salted) => {
                let salted = decode("saltedpassword", salted.expose())?;
                ScramCredential::from_salted_password(self.mechanism, &salted, salt, self.iterations)
            }
        };
        Ok(credential?)
    }
}

/// The fields of a text that are not read yet. As in Kafka the last one of a name counts, and a value may stand in double quotes.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, NewScramUserError> {
        let fields = text.split(',').map(|field| field.split_once('=').ok_or(NewScramUserError::Form));
        Ok(Self(fields.collect::<Result<_, _>>()?))
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let last = self.0.iter().rfind(|(key, _)| *key == name).map(|(_, value)| *value);
        self.0.retain(|(key, _)| *key != name);
        last.map(unquoted)
    }

    fn end(self) -> Result<(), NewScramUserError> {
        self.0.is_empty().then_some(()).ok_or(NewScramUserError::Unknown)
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn decode(field: &'static str, value: &str) -> Result<Vec<u8>, NewScramUserError> {
    let decoded = STANDARD.decode(value);
    decoded.map_err(|_| NewScramUserError::Value { field, expected: "Base64" })
}

fn read_iterations(value: &str) -> Result<u32, NewScramUserError> {
    let number = value.parse();
    number.map_err(|_| NewScramUserError::Value { field: "iterations", expected: "a whole number" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The salt and the salted password of Kafka's ScramParserTest.
    const SALT: &str = "MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E=";
    const SALTED: &str = "mT0yyUUxnlJaC99HXgRTSYlbuqa4FSGtJCJfTMvjYCE=";

    fn refused(text: &str) -> NewScramUserError {
        NewScramUser::parse(text).and_then(|user| user.credential(b"random")).expect_err(text)
    }

    #[test]
    fn a_user_is_read_as_kafka_storage_reads_it() {
        let text = format!("SCRAM-SHA-512=[name=alice,salt=\"{SALT}\",saltedpassword=\"{SALTED}\"]");
        let user = NewScramUser::parse(&text).unwrap();
        assert_eq!((user.name(), user.mechanism()), ("alice", ScramMechanism::Sha512));
        let credential = user.credential(b"not used").unwrap();
        assert_eq!(
            (&credential.salt[..], credential.iterations),
            (&STANDARD.decode(SALT).unwrap()[..], 4096)
        );
        let salted = STANDARD.decode(SALTED).unwrap();
        let expected =
            ScramCredential::from_salted_password(ScramMechanism::Sha512, &salted, &credential.salt, 4096);
        assert_eq!(Ok(credential), expected);
    }

    #[test]
    fn the_password_may_stand_in_quotes_and_the_salt_is_drawn() {
        let password = Secret::new("my pass");
        let bob = NewScramUser::new(ScramMechanism::Sha256, "bob", password.clone());
        for text in [
            "SCRAM-SHA-256=[name=bob,password=my pass]",
            " SCRAM-SHA-256=[name=\"bob\",password=other,password=\"my pass\"] ",
        ] {
            assert_eq!(NewScramUser::parse(text).as_ref(), Ok(&bob), "{text}");
        }
        let expected = ScramCredential::from_password(ScramMechanism::Sha256, &password, b"random", 4096);
        assert_eq!(bob.credential(b"random").unwrap(), expected.unwrap());
    }

    #[test]
    fn what_names_no_user_is_refused_without_its_password() {
        let value = |field, expected| NewScramUserError::Value { field, expected };
        for (text, error) in [
            ("SCRAM-SHA-512", NewScramUserError::Form),
            ("SCRAM-SHA-1=[name=a,password=b]", NewScramUserError::Mechanism("SCRAM-SHA-1".into())),
            ("SCRAM-SHA-256=name=a,password=b", NewScramUserError::Form),
            ("SCRAM-SHA-256=[name=a,password=b", NewScramUserError::Form),
            ("SCRAM-SHA-256=[name=a,password=b,c]", NewScramUserError::Form),
            ("SCRAM-SHA-256=[password=b]", NewScramUserError::Missing("name")),
            ("SCRAM-SHA-256=[name=a]", NewScramUserError::Missing("password")),
            ("SCRAM-SHA-256=[name=a,saltedpassword=YQ==]", NewScramUserError::Missing("salt")),
            ("SCRAM-SHA-256=[name=a,password=b,unknown=c]", NewScramUserError::Unknown),
            ("SCRAM-SHA-256=[name=a,password=b,salt=*]", value("salt", "Base64")),
            ("SCRAM-SHA-256=[name=a,saltedpassword=*,salt=YQ==]", value("saltedpassword", "Base64")),
            ("SCRAM-SHA-256=[name=a,password=b,iterations=x]", value("iterations", "a whole number")),
            (
                "SCRAM-SHA-256=[name=a,password=b,iterations=4095]",
                NewScramUserError::Credential(CredentialError::Iterations(4095)),
            ),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
        let printed = format!("{:?}", NewScramUser::parse("SCRAM-SHA-256=[name=a,password=opensesame]"));
        assert!(!printed.contains("opensesame"), "{printed}");
    }
}
