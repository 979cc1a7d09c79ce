//! `kestrel context`: names for clusters. It never connects to one.

use clap::{Args, Subcommand};

use crate::context::{
    Context, HIGHLIGHT, PRODUCTION, Properties, READ_ONLY, REGISTRY_URL, apply_options, is_secret,
};
use crate::failure::Failure;
use crate::options::Color;
use crate::output::{Cell, Outcomes, Page, Table};
use crate::session::Session;

/// Contexts: clusters that have names here.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List the contexts
    List,
    /// Take a context into use: commands that name no cluster are about it from then on
    Use {
        /// The context
        #[arg(value_name = "CONTEXT")]
        name: String,
    },
    /// Write down a context with what --bootstrap, --config, --set and --registry say, in place of one of this name; --read-only
    /// marks it as one in which nothing may be changed
    Add(AddArguments),
    /// Remove a context
    Remove {
        /// The context
        #[arg(value_name = "CONTEXT")]
        name: String,
    },
    /// Show what a context says, without its secrets
    Show {
        /// The context [default: the one in use]
        #[arg(value_name = "CONTEXT")]
        name: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// A name for it: letters, digits, `.`, `_` and `-`
    name: String,
    /// It is production: changes are asked for first, and its name is shown in red
    #[arg(long)]
    production: bool,
    /// The colour that its name is shown in
    #[arg(long, value_enum, value_name = "COLOR")]
    highlight: Option<Color>,
}

impl ContextCommand {
    pub(crate) fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => list(session),
            Self::Use { name } => {
                session.contexts().select(&name)?;
                say(session, &name, "now using")
            }
            Self::Add(arguments) => add(session, &arguments),
            Self::Remove { name } => {
                session.contexts().remove(&name)?;
                say(session, &name, "removed")
            }
            Self::Show { name } => show(session, name),
        }
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    let store = session.contexts();
    let current = store.current()?;
    let mut table = Table::new(["in_use", "context", "bootstrap", "registry", "production", "read_only"]);
    for name in store.names()? {
        let context = Context::named(&name, store.read(&name)?)?;
        let is_current = current.as_deref() == Some(&name);
        let property = |key| Cell::from(context.properties().get(key));
        table.row([
            is_current.into(),
            Cell::from(&*name).alarming_if(context.is_production()),
            property("bootstrap.servers"),
            property(REGISTRY_URL),
            context.is_production().into(),
            context.is_read_only().into(),
        ]);
    }
    session.output().table(&table)
}

fn add(session: &Session, arguments: &AddArguments) -> Result<(), Failure> {
    let global = session.arguments();
    let mut properties = Properties::default();
    apply_options(&mut properties, global)?;
    if arguments.production {
        properties.set(PRODUCTION, "true");
    }
    if global.read_only {
        properties.set(READ_ONLY, "true");
    }
    if let Some(color) = arguments.highlight.as_ref().and_then(clap::ValueEnum::to_possible_value) {
        properties.set(HIGHLIGHT, color.get_name());
    }
    if properties.get("bootstrap.servers").is_none() {
        return Err(Failure::usage(format!("the context {} would have no servers", arguments.name))
            .remedy("--bootstrap HOST:PORT says them, or bootstrap.servers in --config FILE."));
    }
    // What the client would refuse later is refused now.
    let context = Context::named(&arguments.name, properties)?;
    let _builder = kestrel_client::Client::from_properties(context.client_properties())?;
    session.contexts().write(&arguments.name, context.properties())?;
    say(session, &arguments.name, "added")
}

fn show(session: &Session, name: Option<String>) -> Result<(), Failure> {
    let store = session.contexts();
    let Some(name) = name.map_or_else(|| store.current(), |name| Ok(Some(name)))? else {
        return Err(
            Failure::new("no context is in use").remedy("`kestrel context use NAME` takes one into use.")
        );
    };
    let properties = store.read(&name)?;
    let mut table = Table::new(["key", "value"]);
    for (key, value) in properties.iter() {
        table.row([key.into(), if is_secret(key) { "(hidden)" } else { value }.into()]);
    }
    session.output().pages(&[Page::new().field("context", name).table("properties", table)])
}

fn say(session: &Session, name: &str, done: &str) -> Result<(), Failure> {
    session.output().outcomes(&Outcomes::local("context", done, name))
}
