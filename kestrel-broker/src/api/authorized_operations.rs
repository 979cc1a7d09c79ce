//! What an `authorized_operations` field says (KIP-430): a bit per operation. Everything is allowed until there are ACLs.

/// The field of someone who did not ask.
const NOT_ASKED: i32 = i32::MIN;

const READ: u8 = 3;
const WRITE: u8 = 4;
const CREATE: u8 = 5;
const DELETE: u8 = 6;
const ALTER: u8 = 7;
const DESCRIBE: u8 = 8;
const CLUSTER_ACTION: u8 = 9;
const DESCRIBE_CONFIGS: u8 = 10;
const ALTER_CONFIGS: u8 = 11;
const IDEMPOTENT_WRITE: u8 = 12;

/// What may be done with a topic, if `asked`.
pub(super) const fn on_topic(asked: bool) -> i32 {
    let all = [READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS];
    if asked { bits(&all) } else { NOT_ASKED }
}

/// What may be done with a group, if `asked`.
pub(super) const fn on_group(asked: bool) -> i32 {
    if asked { bits(&[READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS]) } else { NOT_ASKED }
}

/// What may be done with the cluster, if `asked`.
pub(super) const fn on_cluster(asked: bool) -> i32 {
    let all = [CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE];
    if asked { bits(&all) } else { NOT_ASKED }
}

const fn bits(mut operations: &[u8]) -> i32 {
    let mut bits = 0;
    while let [first, rest @ ..] = operations {
        bits |= 1 << *first;
        operations = rest;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_apache_kafka() {
        assert_eq!((on_topic(true), on_group(true), on_cluster(true)), (3576, 3400, 8096));
        assert_eq!([on_topic(false), on_group(false), on_cluster(false)], [i32::MIN; 3]);
    }
}
