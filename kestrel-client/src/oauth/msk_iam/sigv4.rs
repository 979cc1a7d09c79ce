//! Signature version 4 of AWS, in the query of an address. Pure.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use kestrel_protocol::Timestamp;
use sha2::{Digest, Sha256};

use super::credentials::AwsCredentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// An address to sign: `https://host/` and a query, for a GET without a body.
pub(super) struct Presigning<'a> {
    pub(super) host: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// Names and values as they are; the names sort before `X-Amz`.
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) lifetime: Duration,
}

impl Presigning<'_> {
    /// The signed address.
    pub(super) fn address(&self, credentials: &AwsCredentials, now: Timestamp) -> String {
        let at = Moment::new(now);
        let scope = format!("{}/{}/{}/aws4_request", at.date, self.region, self.service);
        let query = self.query(credentials, &at, &scope);
        let request = format!("GET\n/\n{query}\nhost:{}\n\nhost\n{}", self.host, hex(&Sha256::digest(b"")));
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{}", at.date_time, hex(&Sha256::digest(request)));
        let key = signing_key(credentials.secret(), &at.date, self.region, self.service);
        let signature = hex(&hmac(&key, &to_sign));
        format!("https://{}/?{query}&X-Amz-Signature={signature}", self.host)
    }

    /// The query in the order that is signed, which is that of the names.
    fn query(&self, credentials: &AwsCredentials, at: &Moment, scope: &str) -> String {
        let credential = format!("{}/{scope}", credentials.key_id());
        let lifetime = self.lifetime.as_secs().to_string();
        let mut query = self.query.to_vec();
        query.extend([
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &at.date_time),
            ("X-Amz-Expires", &lifetime),
        ]);
        query.extend(credentials.session().map(|token| ("X-Amz-Security-Token", token)));
        query.push(("X-Amz-SignedHeaders", "host"));
        let pairs = query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// The key of a day, a region and a service.
fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> Vec<u8> {
    let key = format!("AWS4{secret}").into_bytes();
    [date, region, service, "aws4_request"].iter().fold(key, |key, part| hmac(&key, part))
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text as a query has it (RFC 3986).
pub(super) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// A time in UTC as signatures write it: `20130524` and `20130524T000000Z`.
struct Moment {
    date: String,
    date_time: String,
}

impl Moment {
    fn new(now: Timestamp) -> Self {
        let seconds = now.as_millis().div_euclid(1000);
        let (year, month, day) = civil(seconds.div_euclid(DAY_SECONDS));
        let second = seconds.rem_euclid(DAY_SECONDS);
        let date = format!("{year:04}{month:02}{day:02}");
        let date_time = format!("{date}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60);
        Self { date, date_time }
    }
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day of a leap year is the last one; eras have 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_key_is_the_one_of_awss_example() {
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn times_are_written_in_utc() {
        for (millis, date_time) in [
            (0, "19700101T000000Z"),
            (951_827_696_789, "20000229T123456Z"),
            (1_369_353_600_000, "20130524T000000Z"),
            (4_107_542_399_999, "21000228T235959Z"),
            (4_107_542_400_000, "21000301T000000Z"),
        ] {
            assert_eq!(Moment::new(Timestamp::from_millis(millis)).date_time, date_time);
        }
    }
}
