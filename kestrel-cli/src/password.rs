//! Passwords, read where no other user of the machine can see them: never from arguments.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use kestrel_settings::Secret;

use crate::failure::Failure;

/// The first line of a file.
pub(crate) fn of_file(file: &Path) -> Result<Secret, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))?;
    checked(text.lines().next().unwrap_or_default())
}

/// The first line of standard input; asked for when that is a terminal, which does not show it.
pub(crate) async fn of_stdin(user: &str) -> Result<Secret, Failure> {
    let is_terminal = io::stdin().is_terminal();
    let silence = is_terminal.then(Silence::begin).transpose()?;
    if is_terminal {
        write!(io::stderr(), "Password of {user}: ")?;
        io::stderr().flush()?;
    }
    // In a thread of its own, so that Ctrl-C is heard meanwhile.
    let line = tokio::task::spawn_blocking(|| io::stdin().lines().next()).await;
    drop(silence);
    if is_terminal {
        writeln!(io::stderr())?;
    }
    checked(line.ok().flatten().transpose()?.as_deref().unwrap_or_default())
}

fn checked(password: &str) -> Result<Secret, Failure> {
    match password {
        "" => Err(Failure::new("the password is empty")),
        password => Ok(Secret::new(password)),
    }
}

/// A terminal that does not show what is typed, as long as this is there.
struct Silence;

impl Silence {
    fn begin() -> Result<Self, Failure> {
        match stty("-echo") {
            true => Ok(Self),
            false => Err(Failure::new("this terminal cannot be kept from showing a password")
                .remedy("Give it by a pipe or --password-file.")),
        }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// Sets the terminal of standard input; whether that was possible.
fn stty(setting: &str) -> bool {
    let mut stty = Command::new("stty");
    stty.arg(setting).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::null());
    stty.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "opensesame\nand more\n").unwrap();
        assert_eq!(of_file(&file).unwrap().expose(), "opensesame");
        std::fs::write(&file, "\n").unwrap();
        assert!(of_file(&file).is_err() && of_file(&folder.path().join("none")).is_err());
    }
}
