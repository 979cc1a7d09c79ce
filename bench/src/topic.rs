//! Topics for every client's work, made with Kestrel's admin client before the work is measured.

use kestrel_client::admin::NewTopic;
use kestrel_client::{Client, Error, ErrorCode};
use tokio::runtime::Builder;

use crate::args::{Topic, TopicArgs};

/// Creates or deletes a topic.
pub(crate) fn run(topic: &Topic) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    let done = match topic {
        Topic::Create(args) => runtime.block_on(create(args)),
        Topic::Delete(args) => runtime.block_on(delete(args)),
    };
    done.map_err(|e| e.to_string())
}

/// Creates a topic in a process of its own, so that what it takes is not the measured client's.
pub(crate) fn create_apart(bootstrap: &str, topic: &str, partitions: i32) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let status = std::process::Command::new(this)
        .args(["topic", "create", "--bootstrap", bootstrap, "--topic", topic])
        .args(["--partitions", &partitions.to_string()])
        .status()
        .map_err(|e| format!("cannot start the creation of topic {topic}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("topic {topic} was not created")) }
}

async fn create(args: &TopicArgs) -> Result<(), Error> {
    let new = NewTopic::new(args.topic.as_str()).partitions(args.partitions);
    match connect(args).await?.admin().create_topics([new]).await.into_result() {
        Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => Err(error),
        _ => Ok(()),
    }
}

async fn delete(args: &TopicArgs) -> Result<(), Error> {
    connect(args).await?.admin().delete_topics([args.topic.as_str()]).await.into_result().map(|_| ())
}

async fn connect(args: &TopicArgs) -> Result<Client, Error> {
    Client::builder(args.bootstrap.as_str()).client_id("kestrel-bench").connect().await
}
