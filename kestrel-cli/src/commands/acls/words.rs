//! The words of ACLs on a command line: principals and operations. Pure.

use kestrel_client::admin::AclOperation;

/// Every operation that an ACL may be of.
pub(super) const OPERATIONS: [AclOperation; 14] = [
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

/// Reads an operation, whatever its case, also as `DESCRIBE_CONFIGS` and `describe-configs`.
pub(crate) fn operation(text: &str) -> Result<AclOperation, String> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let found = OPERATIONS.into_iter().find(|operation| plain(&operation.to_string()) == plain(text));
    found.ok_or_else(|| {
        let names: Vec<_> = OPERATIONS.iter().map(ToString::to_string).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Reads a principal: a name alone is that of a user.
pub(crate) fn principal(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        _ if text.is_empty() => Err("expected User:NAME, or NAME".to_owned()),
        Some((kind, name)) if kind.is_empty() || name.is_empty() => {
            Err("expected User:NAME, or NAME".to_owned())
        }
        Some(_) => Ok(text.to_owned()),
        None => Ok(format!("User:{text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_whatever_their_case() {
        for text in ["DescribeConfigs", "DESCRIBE_CONFIGS", "describe-configs"] {
            assert_eq!(operation(text), Ok(AclOperation::DescribeConfigs), "{text}");
        }
        assert!(operation("Sing").is_err());
    }

    #[test]
    fn a_name_alone_is_a_users() {
        assert_eq!(principal("alice"), Ok("User:alice".to_owned()));
        assert_eq!(principal("User:*"), Ok("User:*".to_owned()));
        assert_eq!(principal("User:CN=a,OU=b"), Ok("User:CN=a,OU=b".to_owned()));
        assert!(principal("").is_err() && principal("User:").is_err() && principal(":a").is_err());
    }
}
