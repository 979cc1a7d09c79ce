//! Random sets of ACLs and random questions, with the decisions of Kestrel's authorizer, as lines of text.
//!
//! Read by `clients/java/src/Decisions.java`, which asks Apache Kafka's StandardAuthorizer the same.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use kestrel_broker::{
    AclBinding, AclDecisions, AclOperation, AclPermission, PatternType, ResourcePattern, ResourceType,
};
use kestrel_tests::Dice;

const PRINCIPALS: [&str; 7] =
    ["User:alice", "User:bob", "User:CN=carol,O=k:k", "User:ä", "User:root", "User:*", "Group:alice"];
const HOSTS: [&str; 7] =
    ["*", "10.0.0.1", "10.0.0.2", "0:0:0:0:0:0:0:1", "::1", "10.0.0.0/8", "2001:db8:0:0:0:0:0:17"];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.0.0.2", "::1", "2001:db8::17", "::ffff:10.0.0.1"];
const NAMES: [&str; 9] = ["*", "*a", "hardcode", "hard", "h", "kafka-cluster", "😀a", "😁", "é"];
const OPERATIONS: [AclOperation; 14] = [
    AclOperation::All,
    AclOperation::Read,
    AclOperation::Write,
    AclOperation::Create,
    AclOperation::Delete,
    AclOperation::Alter,
    AclOperation::Describe,
    AclOperation::ClusterAction,
    AclOperation::DescribeConfigs,
    AclOperation::AlterConfigs,
    AclOperation::IdempotentWrite,
    AclOperation::CreateTokens,
    AclOperation::DescribeTokens,
    AclOperation::TwoPhaseCommit,
];
const TYPES: [ResourceType; 6] = [
    ResourceType::Topic,
    ResourceType::Group,
    ResourceType::Cluster,
    ResourceType::TransactionalId,
    ResourceType::DelegationToken,
    ResourceType::User,
];
const QUESTIONS: usize = 24;

/// Writes `sets` sets of ACLs, each with questions and decisions.
pub(crate) fn write(sets: usize, seed: u64) -> io::Result<()> {
    let mut dice = Dice::new(seed);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for _ in 0..sets {
        write_set(&mut dice, &mut out)?;
    }
    out.flush()
}

fn write_set(dice: &mut Dice, out: &mut impl Write) -> io::Result<()> {
    let allows_without_acls = dice.once_in(3);
    let super_users: Vec<String> = if dice.once_in(4) { vec!["User:root".into()] } else { Vec::new() };
    line(out, "set", &[&allows_without_acls, &super_users.join(";")])?;
    // Few types for some sets, so that their ACLs meet.
    let types = &TYPES[..=dice.roll(TYPES.len())];
    let count = if dice.once_in(50) { 300 } else { dice.roll(24) };
    // Each once: Apache Kafka has no second ACL that says the same.
    let acls: BTreeSet<AclBinding> = (0..count).map(|_| acl(dice, types)).collect();
    let acls: Vec<AclBinding> = acls.into_iter().collect();
    for acl in &acls {
        write_acl(out, acl)?;
    }
    let decisions = AclDecisions::new(&acls, &super_users, allows_without_acls);
    for _ in 0..QUESTIONS {
        write_question(dice, out, &decisions, types)?;
    }
    Ok(())
}

fn write_acl(out: &mut impl Write, acl: &AclBinding) -> io::Result<()> {
    let pattern = acl.pattern();
    let numbers = [pattern.resource_type() as i8, pattern.pattern_type() as i8];
    let [resource_type, pattern_type] = &numbers;
    let (operation, permission) = (acl.operation() as i8, acl.permission() as i8);
    line(
        out,
        "acl",
        &[
            resource_type,
            pattern_type,
            &pattern.name(),
            &acl.principal(),
            &acl.host(),
            &operation,
            &permission,
        ],
    )
}

fn write_question(
    dice: &mut Dice,
    out: &mut impl Write,
    decisions: &AclDecisions,
    types: &[ResourceType],
) -> io::Result<()> {
    let principal = one(dice, &PRINCIPALS[..5]);
    let address: IpAddr = one(dice, &ADDRESSES).parse().expect("an address");
    let (operation, resource_type) = (one(dice, &OPERATIONS[1..]), one(dice, types));
    let (number, type_number) = (operation as i8, resource_type as i8);
    if dice.once_in(6) {
        let decision = decisions.allows_any(principal, address, operation, resource_type);
        return line(out, "any", &[&principal, &address, &number, &type_number, &decision]);
    }
    let name = name(dice);
    let decision = decisions.allows(principal, address, operation, resource_type, &name);
    line(out, "ask", &[&principal, &address, &number, &type_number, &name, &decision])
}

fn acl(dice: &mut Dice, types: &[ResourceType]) -> AclBinding {
    let pattern = ResourcePattern::new(one(dice, types), name(dice));
    let pattern = if dice.once_in(2) { pattern.prefixed() } else { pattern };
    let (principal, operation) = (one(dice, &PRINCIPALS), one(dice, &OPERATIONS));
    let acl = if dice.once_in(3) {
        AclBinding::deny(principal, operation, pattern)
    } else {
        AclBinding::allow(principal, operation, pattern)
    };
    // Most ACLs are for every host.
    if dice.once_in(3) { acl.from_host(one(dice, &HOSTS)) } else { acl }
}

/// A name that is likely to be the beginning of another.
fn name(dice: &mut Dice) -> String {
    if dice.once_in(4) {
        return one(dice, &NAMES).to_owned();
    }
    let length = 1 + dice.roll(5);
    (0..length).map(|_| one(dice, &['a', 'b', 'é'])).collect()
}

fn one<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    of[dice.roll(of.len())]
}

fn line(out: &mut impl Write, what: &str, words: &[&dyn Display]) -> io::Result<()> {
    write!(out, "{what}")?;
    for word in words {
        write!(out, "\t{word}")?;
    }
    writeln!(out)
}

/// That the numbers that are written are those of the wire, which both sides read.
const _: () = assert!(AclPermission::Deny as i8 == 2 && PatternType::Literal as i8 == 3);
