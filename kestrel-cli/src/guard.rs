//! Guard: stands before every change. Read-only refuses, a dry run only says, a production context asks.

use std::io::{self, IsTerminal, Write};

use crate::context::Context;
use crate::failure::Failure;
use crate::options::GlobalArguments;

/// What a command may do that wants to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// It changes it.
    Change,
    /// It says what it would change.
    DryRun,
}

/// What is known about changes before one is asked for.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    context: &'a Context,
    is_read_only: bool,
    is_dry_run: bool,
    is_agreed: bool,
}

/// What is decided without asking anybody.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Permit(Permit),
    Refuse,
    Ask,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(arguments: &GlobalArguments, context: &'a Context) -> Self {
        Self {
            context,
            is_read_only: arguments.read_only || context.is_read_only(),
            is_dry_run: arguments.dry_run,
            is_agreed: arguments.yes,
        }
    }

    pub(crate) async fn permit(&self, change: &str) -> Result<Permit, Failure> {
        match self.decide() {
            Decision::Permit(permit) => Ok(permit),
            Decision::Refuse => Err(self.refusal(change)),
            Decision::Ask => self.ask(change).await,
        }
    }

    const fn decide(&self) -> Decision {
        match (self.is_read_only, self.is_dry_run, self.context.is_production(), self.is_agreed) {
            (_, true, ..) => Decision::Permit(Permit::DryRun),
            (true, ..) => Decision::Refuse,
            (_, _, true, false) => Decision::Ask,
            _ => Decision::Permit(Permit::Change),
        }
    }

    fn refusal(&self, change: &str) -> Failure {
        let failure = Failure::new(format!("read-only: would {change}"));
        match self.context.name().filter(|_| self.context.is_read_only()) {
            Some(name) => failure.remedy(format!("The context {name} is marked as read-only.")),
            None => failure.remedy("Leave --read-only out to change something."),
        }
    }

    async fn ask(&self, change: &str) -> Result<Permit, Failure> {
        let name = self.context.name().unwrap_or_default();
        if !io::stdin().is_terminal() {
            return Err(Failure::new(format!(
                "{name} is production, and nobody can be asked whether to {change}"
            ))
            .remedy("--yes agrees in advance."));
        }
        let mut stderr = io::stderr();
        write!(stderr, "{name} is production: {change}? [y/N] ")?;
        stderr.flush()?;
        // In a thread of its own, so that Ctrl-C is heard meanwhile.
        let answer = tokio::task::spawn_blocking(|| io::stdin().lines().next());
        match answer.await.ok().flatten().transpose()?.as_deref().map(str::trim) {
            Some("y" | "Y" | "yes") => Ok(Permit::Change),
            _ => Err(Failure::new("nothing was changed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(arguments: &GlobalArguments, properties: &[(&str, &str)]) -> Decision {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let context = Context::named("shop", properties.collect()).unwrap();
        Guard::new(arguments, &context).decide()
    }

    #[test]
    fn changes_are_refused_said_or_asked_for() {
        let none = GlobalArguments::default;
        let change = Decision::Permit(Permit::Change);
        let production = &[("kestrel.production", "true")][..];
        let read_only = &[("kestrel.read.only", "true")][..];
        assert_eq!(decision(&none(), &[]), change);
        assert_eq!(decision(&none(), production), Decision::Ask);
        assert_eq!(decision(&GlobalArguments { yes: true, ..none() }, production), change);
        assert_eq!(decision(&GlobalArguments { yes: true, ..none() }, read_only), Decision::Refuse);
        assert_eq!(decision(&GlobalArguments { read_only: true, ..none() }, &[]), Decision::Refuse);
        for properties in [&[], production, read_only] {
            let dry_run = GlobalArguments { dry_run: true, ..none() };
            assert_eq!(decision(&dry_run, properties), Decision::Permit(Permit::DryRun));
        }
    }
}
