//! What Java's users write, and what Kafka's JaasConfig does with it (JaasContextTest, and StreamTokenizer's rules).

use super::*;

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";

fn options(text: &str) -> Vec<(String, String)> {
    let config = JaasConfig::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    config.options().map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect()
}

#[test]
fn values_are_words_or_stand_in_quotes() {
    for (text, value) in [
        ("test.Module required a=b;", "b"),
        ("test.Module REQUISITE a = b ;", "b"),
        ("  test.Module\n  sufficient\n\ta=\"b c = d, e\";  ", "b c = d, e"),
        ("test.Module optional a='b \"c\"';", "b \"c\""),
        (r#"test.Module required a="b\"c\\d\n\t\101\0";"#, "b\"c\\d\n\tA\0"),
        (r#"test.Module required a="\4567";"#, "\u{25}67"),
        ("test.Module required a=b-c_d.e$f9;", "b-c_d.e$f9"),
        ("test.Module required a=_b;", "_b"),
        ("test.Module required \"a\"=\"\";", ""),
        ("test.Module required a=é;", "é"),
        ("test.Module required // a comment\n /* and * another */ a=b; / so is this", "b"),
    ] {
        assert_eq!(options(text), [("a".to_owned(), value.to_owned())], "{text}");
    }
    assert_eq!(options("test.Module required;"), []);
}

#[test]
fn what_java_refuses_is_refused() {
    for (text, error) in [
        ("", JaasError::NoModule),
        ("  required a=b;", JaasError::NoFlag),
        ("test.Module a=b;", JaasError::NoFlag),
        ("test.Module { a=b; };", JaasError::NoFlag),
        ("Module required a;", JaasError::Option(1)),
        ("Module required a=;", JaasError::Option(1)),
        ("Module required a=b c=3;", JaasError::Option(2)),
        ("Module required a=-b;", JaasError::Option(1)),
        ("Module required a=p@ss;", JaasError::Option(2)),
        ("Module required a=b", JaasError::NoSemicolon),
        ("Module required a=\"b", JaasError::Unclosed(1)),
        ("Module required a=\"b\nc\";", JaasError::Unclosed(1)),
        ("Module required a=b; Module required;", JaasError::MoreModules),
    ] {
        assert_eq!(JaasConfig::parse(text), Err(error), "{text}");
    }
}

#[test]
fn no_error_has_a_part_of_a_password_in_it() {
    for text in [
        "M required password=open/sesame;",
        "M required password=open sesame;",
        "M required password=\"sesame",
    ] {
        let error = JaasConfig::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error}");
    }
}

#[test]
fn the_last_option_of_a_name_counts_and_users_have_names() {
    let text =
        format!("{PLAIN} required username=a username=b user_alice=\"x\" user_=y \"user_bob smith\"=z;");
    let config = JaasConfig::parse(&text).unwrap();
    assert_eq!(config.option("username"), Some(&Secret::new("b")));
    assert_eq!(config.option("password"), None);
    let users: Vec<_> = config.users().map(|(user, password)| (user, password.expose())).collect();
    assert_eq!(users, [("alice", "x"), ("", "y"), ("bob smith", "z")]);
    assert_eq!(config.class_name(), PLAIN);
}

#[test]
fn a_login_module_is_known_by_its_name() {
    for (class, module) in [
        (PLAIN, Some(LoginModule::Plain)),
        ("org.apache.kafka.common.security.scram.ScramLoginModule", Some(LoginModule::Scram)),
        (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
            Some(LoginModule::OAuthBearer),
        ),
        ("com.sun.security.auth.module.JndiLoginModule", None),
    ] {
        let config = JaasConfig::parse(&format!("{class} required;")).unwrap();
        assert_eq!(config.login_module(), module, "{class}");
    }
}
