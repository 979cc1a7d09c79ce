//! Names that only somebody else knows: topics and groups of the cluster, subjects of the registry, contexts, files.

use std::time::Duration;

use clap::Arg;
use kestrel_client::admin::GroupFilter;

use crate::failure::Failure;
use crate::options::GlobalArguments;
use crate::session::Session;

/// How long a shell waits for names.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a value is, as its name in the help page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Topic,
    Group,
    Subject,
    User,
    TransactionalId,
    Context,
    File,
}

impl Kind {
    fn of(arg: &Arg) -> Option<Self> {
        let name = arg.get_value_names()?.first()?;
        Some(match name.as_str() {
            "TOPIC" | "TOPIC[:PARTITIONS]" => Self::Topic,
            "GROUP" => Self::Group,
            "SUBJECT" => Self::Subject,
            "USER" => Self::User,
            "ID" if arg.get_id() == "ids" => Self::TransactionalId,
            "CONTEXT" => Self::Context,
            "FILE" => Self::File,
            _ => return None,
        })
    }
}

/// The names that a value could be, with what they mean. None when they cannot be had soon.
pub(super) async fn of(arg: &Arg, begun: &str, global: GlobalArguments) -> Vec<(String, String)> {
    let Some(kind) = Kind::of(arg) else { return Vec::new() };
    let session = Session::new(global);
    let names = match kind {
        Kind::File => files(begun),
        kind => match tokio::time::timeout(PATIENCE, ask(kind, &session)).await {
            Ok(Ok(names)) => names,
            // There is nowhere to say why.
            Ok(Err(_)) | Err(_) => Vec::new(),
        },
    };
    names.into_iter().map(|name| (name, String::new())).collect()
}

async fn ask(kind: Kind, session: &Session) -> Result<Vec<String>, Failure> {
    let names = match kind {
        Kind::Topic => {
            let topics = session.admin().await?.list_topics().await?;
            topics.iter().map(|topic| topic.name.to_string()).collect()
        }
        Kind::Group => {
            let groups = session.admin().await?.list_groups(GroupFilter::all()).await?;
            groups.iter().map(|group| group.group_id.to_string()).collect()
        }
        Kind::User => {
            let users = session.admin().await?.list_user_scram_credentials().await?;
            users.iter().map(|user| user.user.to_string()).collect()
        }
        Kind::TransactionalId => {
            let all = kestrel_client::admin::TransactionFilter::all();
            let listed = session.admin().await?.list_transactions(all).await?;
            listed.iter().map(|listed| listed.transactional_id.to_string()).collect()
        }
        Kind::Subject => session.registry()?.subjects().await?,
        Kind::Context => session.contexts().names()?,
        Kind::File => Vec::new(),
    };
    Ok(names)
}

/// Files and folders that begin so; a folder ends in `/`.
fn files(begun: &str) -> Vec<String> {
    let folder = begun.rfind('/').map_or("", |at| begun.get(..=at).unwrap_or_default());
    let entries = std::fs::read_dir(if folder.is_empty() { "." } else { folder });
    let mut files: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let ending = if entry.path().is_dir() { "/" } else { "" };
            Some(format!("{folder}{}{ending}", entry.file_name().to_str()?))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_of_the_folder_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        let begun = format!("{}/", folder.path().display());
        assert_eq!(files(&begun), [format!("{begun}a"), format!("{begun}b/")]);
        assert!(files("/nowhere/at/all/").is_empty());
    }
}
