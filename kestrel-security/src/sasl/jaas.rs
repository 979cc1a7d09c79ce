//! `sasl.jaas.config` as Java's users write it. It is read as text: a class is never loaded, nor looked for.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use kestrel_settings::Secret;

/// What begins the name of an option that is a user of a broker's PLAIN.
const USER: &str = "user_";
/// The flags that may stand after the login module; they mean nothing when there is one module.
const FLAGS: [&str; 4] = ["required", "requisite", "sufficient", "optional"];

/// One login module and its options, of which each may be a secret.
///
/// ```
/// use kestrel_security::sasl::{JaasConfig, LoginModule};
///
/// let config = JaasConfig::parse(
///     r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="a;b";"#,
/// )?;
/// assert_eq!(config.login_module(), Some(LoginModule::Scram));
/// assert_eq!(config.option("password").map(|password| password.expose()), Some("a;b"));
/// assert!(!format!("{config:?}").contains("a;b"));
/// # Ok::<(), kestrel_security::sasl::JaasError>(())
/// ```
///
/// A broker looks at the users of PLAIN alone:
///
/// ```
/// use kestrel_security::sasl::JaasConfig;
///
/// let text = "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"opensesame\";";
/// let config = JaasConfig::parse(text)?;
/// assert_eq!(config.users().map(|(user, _)| user).collect::<Vec<_>>(), ["alice"]);
/// # Ok::<(), kestrel_security::sasl::JaasError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct JaasConfig {
    class: String,
    options: Vec<(String, Secret)>,
}

/// The login modules whose options have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginModule {
    /// `org.apache.kafka.common.security.plain.PlainLoginModule`.
    Plain,
    /// `org.apache.kafka.common.security.scram.ScramLoginModule`.
    Scram,
    /// `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule`.
    OAuthBearer,
}

/// Why a text is no JAAS configuration. No text has a value in it, nor what could be a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JaasError {
    /// There is nothing in the text.
    #[error("a login module is missing: expected `package.ClassLoginModule required name=\"value\";`")]
    NoModule,
    /// The login module has no flag after it.
    #[error("`required` has to stand after the login module")]
    NoFlag,
    /// The n-th option, from 1, is not of the form `name=value`.
    #[error(
        "option {0} is not of the form name=\"value\": a value with other characters than letters, digits, `.`, `_`, `-` and `$`, or one that begins with a digit, goes into double quotes"
    )]
    Option(usize),
    /// The text of a quoted value has no end on its line.
    #[error("the quotes of option {0} are not closed")]
    Unclosed(usize),
    /// There is no semicolon at the end.
    #[error("a semicolon is missing at the end")]
    NoSemicolon,
    /// There is more than one login module.
    #[error("there is something after the semicolon: one login module is expected")]
    MoreModules,
}

impl LoginModule {
    /// Both old and new packages of Kafka's modules end so.
    const CLASSES: [(&str, Self); 3] = [
        ("PlainLoginModule", Self::Plain),
        ("ScramLoginModule", Self::Scram),
        ("OAuthBearerLoginModule", Self::OAuthBearer),
    ];
}

impl JaasConfig {
    /// Reads `class flag name=value … ;`, by Java's rules for words, quotes, escapes and comments.
    ///
    /// # Errors
    /// When the text is not of that form, or has more than one login module.
    pub fn parse(text: &str) -> Result<Self, JaasError> {
        let mut tokens = Tokens { chars: text.chars().peekable() };
        let class = tokens.token().word().ok_or(JaasError::NoModule)?;
        let flag = tokens.token().word().ok_or(JaasError::NoFlag)?;
        if !FLAGS.iter().any(|known| known.eq_ignore_ascii_case(&flag)) {
            return Err(JaasError::NoFlag);
        }
        let mut options = Vec::new();
        while let Some(option) = tokens.option(options.len() + 1)? {
            options.push(option);
        }
        match tokens.token() {
            Token::End => Ok(Self { class, options }),
            _ => Err(JaasError::MoreModules),
        }
    }

    /// The login module, where it is one of Kafka's.
    #[must_use]
    pub fn login_module(&self) -> Option<LoginModule> {
        let class = self.class.rsplit('.').next().unwrap_or_default();
        LoginModule::CLASSES.into_iter().find(|(known, _)| *known == class).map(|(_, module)| module)
    }

    /// The name of the login module's class, for messages.
    #[must_use]
    pub fn class_name(&self) -> &str {
        &self.class
    }

    /// The value of an option; of the last one of that name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&Secret> {
        self.options.iter().rfind(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All options in their order.
    pub fn options(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.options.iter().map(|(name, value)| (&**name, value))
    }

    /// The users of a broker's PLAIN: `user_NAME="password"`.
    pub fn users(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.options().filter_map(|(name, value)| Some((name.strip_prefix(USER)?, value)))
    }
}

impl fmt::Debug for JaasConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.options.iter().map(|(name, _)| name);
        f.debug_struct("JaasConfig")
            .field("class", &self.class)
            .field("options", &names.collect::<Vec<_>>())
            .finish()
    }
}

/// What Java's StreamTokenizer finds, with the settings that Kafka gives it.
enum Token {
    /// A word, or a text in quotes.
    Word(String),
    /// Anything else.
    Sign(char),
    /// Quotes that are not closed.
    Unclosed,
    End,
}

impl Token {
    fn word(self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word),
            Self::Sign(_) | Self::Unclosed | Self::End => None,
        }
    }
}

struct Tokens<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Tokens<'_> {
    /// The n-th option; `None` at the semicolon.
    fn option(&mut self, n: usize) -> Result<Option<(String, Secret)>, JaasError> {
        let name = match self.token() {
            Token::Sign(';') => return Ok(None),
            Token::End => return Err(JaasError::NoSemicolon),
            Token::Word(name) => name,
            Token::Sign(_) => return Err(JaasError::Option(n)),
            Token::Unclosed => return Err(JaasError::Unclosed(n)),
        };
        if !matches!(self.token(), Token::Sign('=')) {
            return Err(JaasError::Option(n));
        }
        match self.token() {
            Token::Word(value) => Ok(Some((name, Secret::new(value)))),
            Token::Unclosed => Err(JaasError::Unclosed(n)),
            Token::Sign(_) | Token::End => Err(JaasError::Option(n)),
        }
    }

    fn token(&mut self) -> Token {
        self.skip_space();
        let Some(first) = self.chars.next() else { return Token::End };
        match first {
            '"' | '\'' => self.quoted(first),
            c if is_word_start(c) => {
                let mut word = String::from(c);
                while let Some(c) = self.chars.next_if(|c| is_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            sign => Token::Sign(sign),
        }
    }

    /// Passes over white space and comments. To Java a single slash begins one too.
    fn skip_space(&mut self) {
        while let Some(c) = self.chars.next_if(|c| *c <= ' ' || *c == '/') {
            if c != '/' {
                continue;
            }
            if self.chars.next_if_eq(&'*').is_some() {
                while let Some(c) = self.chars.next() {
                    if c == '*' && self.chars.next_if_eq(&'/').is_some() {
                        break;
                    }
                }
            } else {
                while self.chars.next_if(|c| !is_line_end(*c)).is_some() {}
            }
        }
    }

    /// A text up to the quote that it began with.
    fn quoted(&mut self, quote: char) -> Token {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                None => return Token::Unclosed,
                Some(c) if is_line_end(c) => return Token::Unclosed,
                Some(c) if c == quote => return Token::Word(text),
                Some('\\') => text.extend(self.escaped()),
                Some(c) => text.push(c),
            }
        }
    }

    /// The character that a backslash and what follows stand for.
    fn escaped(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        Some(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '0'..='7' => self.octal(c),
            other => other,
        })
    }

    /// Up to three octal digits; two when the first one is above 3.
    fn octal(&mut self, first: char) -> char {
        let digits = if first <= '3' { 2 } else { 1 };
        let mut number = first.to_digit(8).unwrap_or_default();
        for _ in 0..digits {
            let Some(digit) = self.chars.next_if(|c| c.is_digit(8)) else { break };
            number = number * 8 + digit.to_digit(8).unwrap_or_default();
        }
        char::from_u32(number).unwrap_or_default()
    }
}

fn is_line_end(c: char) -> bool {
    c == '\n' || c == '\r'
}

/// Whether Java begins a word with it: a digit, a dot or a minus would begin a number.
fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$' || c >= '\u{a0}'
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit() || c == '.' || c == '-'
}

#[cfg(test)]
mod tests;
