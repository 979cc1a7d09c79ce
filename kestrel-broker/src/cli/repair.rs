//! `kestrel-broker repair`: shows what would be lost, asks, and has the library cut it off.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kestrel_broker::{CheckError, Repair};

use crate::{fail, with_causes};

/// The exit code of a repair that was not agreed to.
const DECLINED: u8 = 1;
/// The exit code for a folder that cannot be repaired.
const FAILED: u8 = 2;

/// Cut damaged logs off at their first bad batch, after asking
///
/// For damage that a start refuses: in records that had been flushed, or with whole batches behind it. What is cut off is kept
/// in files that end with .cut. Records are lost all the same: restore a copy of the folder instead where there is one. Refuses
/// while a broker runs; never cuts the metadata log.
///
/// Exit codes: 0 repaired or nothing to repair, 1 not agreed to, 2 the folder cannot be repaired.
#[derive(Debug, Args)]
pub(crate) struct RepairArguments {
    /// The data folder
    #[arg(long, value_name = "FOLDER", default_value = "./kestrel-data")]
    data_dir: PathBuf,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Why a repair ended early.
enum Failure {
    Folder(CheckError),
    Terminal(io::Error),
}

/// Repairs the folder.
pub(crate) fn repair(arguments: &RepairArguments) -> ExitCode {
    match run(arguments) {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            match failure {
                Failure::Folder(error) => fail(&with_causes(&error)),
                Failure::Terminal(error) => fail(&format!("cannot ask: {error}")),
            };
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: &RepairArguments) -> Result<ExitCode, Failure> {
    let repair = Repair::find(&arguments.data_dir).map_err(Failure::Folder)?;
    let mut stdout = io::stdout();
    if repair.cuts().is_empty() {
        writeln!(stdout, "no log is to be cut off").map_err(Failure::Terminal)?;
        return Ok(ExitCode::SUCCESS);
    }
    for cut in repair.cuts() {
        writeln!(stdout, "{cut}").map_err(Failure::Terminal)?;
    }
    if !arguments.yes && !agreed(repair.cuts().len()).map_err(Failure::Terminal)? {
        writeln!(stdout, "nothing was changed").map_err(Failure::Terminal)?;
        return Ok(ExitCode::from(DECLINED));
    }
    for file in repair.apply().map_err(Failure::Folder)? {
        writeln!(stdout, "kept {}", file.display()).map_err(Failure::Terminal)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks on standard output; only `yes` is one.
fn agreed(logs: usize) -> io::Result<bool> {
    let mut stdout = io::stdout();
    write!(stdout, "Cut off {logs} logs? Type yes: ")?;
    stdout.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
