//! The requests of the matrix, for each API that both brokers serve. What is allowed changes nothing, as far as that can be.

mod admin;
mod data;
mod groups;
mod nodes;
#[cfg(test)]
mod tests;
mod transactions;

use std::ops::RangeInclusive;

use kestrel_protocol::{ApiKey, ErrorCode, Request, encode_response_with_gaps};

use super::normal::normal;
use super::side::Side;

/// The topic and the group that both brokers have.
const TOPIC: &str = "matrix-topic";
const GROUP: &str = "matrix-group";
/// Names that neither has.
const NO_TOPIC: &str = "matrix-no-topic";
const NO_GROUP: &str = "matrix-no-group";
/// A name that no ACL of the user is about.
const OTHER: &str = "other";
/// The transactional id that asks for producer ids.
const TRANSACTIONAL_ID: &str = "matrix-id";

/// A kind of request, and what of its answer is compared.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    api: ApiKey,
    asked: RangeInclusive<i16>,
    ask: Box<Ask>,
}

/// Asks a broker in a version, and says what of the answer is compared.
type Ask = dyn Fn(&mut Side, i16) -> String;

impl Case {
    /// The first and the last version that both brokers speak.
    pub(crate) fn versions(&self, sides: &[Side; 2]) -> Vec<i16> {
        let spoken = |version: &i16| sides.iter().all(|side| side.speaks(self.api, *version));
        let spoken: Vec<i16> =
            self.api.versions().filter(spoken).filter(|it| self.asked.contains(it)).collect();
        let mut versions =
            vec![*spoken.first().expect("both speak it"), *spoken.last().expect("both speak it")];
        versions.dedup();
        versions
    }

    pub(crate) fn ask(&self, side: &mut Side, version: i16) -> String {
        (self.ask)(side, version)
    }

    /// Asks in no later version.
    fn until_version(self, version: i16) -> Self {
        Self { asked: *self.asked.start()..=version, ..self }
    }

    /// Asks in no earlier version.
    fn since_version(self, version: i16) -> Self {
        Self { asked: version..=*self.asked.end(), ..self }
    }
}

/// A request whose answers have to be the same, apart from what differs from broker to broker.
fn same<R: Request>(name: &'static str, request: impl Fn(&mut Side, i16) -> R + 'static) -> Case {
    same_part(name, request, |_| {})
}

/// As [`same`], after `trim` has taken out what is not compared.
fn same_part<R: Request>(
    name: &'static str,
    request: impl Fn(&mut Side, i16) -> R + 'static,
    trim: impl Fn(&mut R::Response) + 'static,
) -> Case {
    case::<R>(name, request, move |mut response, _| {
        trim(&mut response);
        normal(&response)
    })
}

/// A request that is carried out otherwise, or not at all: only whether it is allowed is compared.
fn same_denial<R: Request>(name: &'static str, request: impl Fn(&mut Side, i16) -> R + 'static) -> Case {
    case::<R>(name, request, |response, version| {
        let errors = encode_response_with_gaps::<R>(&response, version, 1).expect("it was decoded").errors;
        let mut denials: Vec<_> = errors.into_iter().filter(is_denial).collect();
        denials.dedup();
        format!("denied: {denials:?}")
    })
}

fn case<R: Request>(
    name: &'static str,
    request: impl Fn(&mut Side, i16) -> R + 'static,
    show: impl Fn(R::Response, i16) -> String + 'static,
) -> Case {
    let ask = move |side: &mut Side, version: i16| {
        let request = request(side, version);
        let answer = side.ask(&request, version);
        answer.map_or_else(|| "(closes the connection)".to_owned(), |response| show(response, version))
    };
    Case { name, api: R::KEY, asked: 0..=i16::MAX, ask: Box::new(ask) }
}

fn is_denial(error: &ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::TopicAuthorizationFailed
            | ErrorCode::GroupAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::TransactionalIdAuthorizationFailed
    )
}

/// Gives a broker what is asked for.
pub(crate) fn prepare(side: &mut Side) {
    side.topic_id = side.topic(TOPIC);
    data::prepare(side);
    groups::prepare(side);
    transactions::prepare(side);
}

/// All kinds of requests.
pub(crate) fn all() -> Vec<Case> {
    [data::cases(), groups::cases(), transactions::cases(), admin::cases(), nodes::cases()]
        .into_iter()
        .flatten()
        .collect()
}
