//! Session: what a command works with. Nothing is resolved or connected before it is asked for.

use std::sync::OnceLock;

use kestrel_client::{Admin, Client, Timestamp};
use kestrel_registry_client::RegistryClient;
use tokio::sync::OnceCell;

use crate::context::{Context, ContextStore, resolve};
use crate::failure::Failure;
use crate::guard::{Guard, Permit};
use crate::options::GlobalArguments;
use crate::output::Output;
use crate::signals::Stop;

/// One run of the program: the options of every command, and what follows from them.
#[derive(Debug)]
pub(crate) struct Session {
    arguments: GlobalArguments,
    output: Output,
    stop: Stop,
    context: OnceLock<Context>,
    client: OnceCell<Client>,
}

impl Session {
    pub(crate) fn new(arguments: GlobalArguments) -> Self {
        let output = Output::new(arguments.output, arguments.color);
        Self { arguments, output, stop: Stop::default(), context: OnceLock::new(), client: OnceCell::new() }
    }

    /// Where results go.
    pub(crate) const fn output(&self) -> &Output {
        &self.output
    }

    /// How a command that has something to finish hears of signals.
    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The options of every command, as they were given.
    pub(crate) const fn arguments(&self) -> &GlobalArguments {
        &self.arguments
    }

    /// The contexts that this user has.
    #[expect(clippy::unused_self, reason = "whatever a command works with comes from the session")]
    pub(crate) fn contexts(&self) -> ContextStore {
        ContextStore::of_environment()
    }

    /// Which cluster it is about, and as whom.
    pub(crate) fn context(&self) -> Result<&Context, Failure> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let context = resolve(&self.arguments, |variable| std::env::var(variable).ok(), &self.contexts())?;
        if let (Some(name), Some(color)) = (context.name(), context.highlight()) {
            self.output.badge(name, color);
        }
        Ok(self.context.get_or_init(|| context))
    }

    /// The connection to the cluster, made with the first call.
    pub(crate) async fn client(&self) -> Result<&Client, Failure> {
        self.client
            .get_or_try_init(|| async {
                let properties = self.context()?.client_properties();
                Ok(Client::from_properties(properties)?.connect().await?)
            })
            .await
    }

    /// The administrative calls of the cluster.
    pub(crate) async fn admin(&self) -> Result<Admin, Failure> {
        Ok(self.client().await?.admin())
    }

    /// The schema registry.
    pub(crate) fn registry(&self) -> Result<RegistryClient, Failure> {
        self.context()?.registry()
    }

    /// Whether a change may be made: refused where nothing may be changed, asked for where that is the custom.
    ///
    /// `change` is what is about to happen, as in "delete the topic orders".
    pub(crate) async fn permit(&self, change: &str) -> Result<Permit, Failure> {
        Guard::new(&self.arguments, self.context()?).permit(change).await
    }

    /// The time now.
    #[expect(clippy::unused_self, reason = "time is asked of the session, so that it can be held one day")]
    pub(crate) fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "a command begins here")]
        let now = std::time::SystemTime::now();
        Timestamp::from(now)
    }
}
