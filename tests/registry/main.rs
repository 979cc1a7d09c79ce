//! A registry as a process that can be killed: `kestrel-registry-process BOOTSTRAP TOPIC` serves on a free port until it is ended. Of the
//! tests, so that it is always the library of this build.

use std::error::Error;
use std::future::pending;
use std::io::{self, Write};

use kestrel_registry::Registry;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(bootstrap), Some(topic)) = (arguments.next(), arguments.next()) else {
        return Err("two arguments are expected: BOOTSTRAP TOPIC".into());
    };
    let registry = Registry::builder(bootstrap).topic(topic).replication_factor(1).start().await?;
    writeln!(io::stdout(), "ready: {}", registry.url())?;
    io::stdout().flush()?;
    tokio::select! {
        failure = registry.failed() => Err(failure.into()),
        () = pending() => Ok(()),
    }
}
