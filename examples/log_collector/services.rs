//! Services that write log files, each line with its number, and rotate them as `logrotate` does: by a new name, or by a copy.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kestrel_examples::{Dice, Result};
use tokio::time::sleep;

use super::Level;

/// Where services run.
pub(crate) const HOSTS: [&str; 8] = ["ada", "alan", "barbara", "donald", "edsger", "grace", "leslie", "tony"];
/// What runs on each host.
pub(crate) const SERVICES: [&str; 3] = ["web", "search", "checkout"];
/// After how many lines a file is rotated.
const LINES_OF_FILE: u64 = 120;
const STEPS: u32 = 100;

/// How a file is rotated.
#[derive(Debug, Clone, Copy)]
enum Rotation {
    /// It gets another name, and a new one is made.
    Rename,
    /// It is copied, and made empty (`copytruncate`): for programs that keep their file open.
    CopyTruncate,
}

/// A service on a host, with its log file.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) host: &'static str,
    pub(crate) name: &'static str,
    file: PathBuf,
    rotation: Rotation,
    seed: u64,
}

/// All services, with their files in a folder for each host.
pub(crate) fn all(folder: &Path, dice: &mut Dice) -> Result<Vec<Service>> {
    let mut services = Vec::new();
    for host in HOSTS {
        fs::create_dir(folder.join(host))?;
        for name in SERVICES {
            let file = folder.join(host).join(format!("{name}.log"));
            let rotation = *dice.pick(&[Rotation::Rename, Rotation::CopyTruncate]);
            services.push(Service { host, name, file, rotation, seed: dice.roll(u64::MAX) });
        }
    }
    Ok(services)
}

impl Service {
    /// Its log file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes so many lines in as much time; gives how often the file was rotated.
    pub(crate) async fn write(self, lines: u64, takes: Duration) -> Result<u64> {
        let (mut dice, mut file, mut rotations) = (Dice::new(self.seed), self.open()?, 0);
        let per_step = lines.div_ceil(STEPS.into()).max(1);
        for number in 0..lines {
            if number > 0 && number % LINES_OF_FILE == 0 {
                rotations += 1;
                file = self.rotate(file, rotations)?;
            }
            let (level, text) = (level(&mut dice), message(&mut dice));
            let second = number * 10_000 / lines.max(1);
            let (hour, minute, second) = (8 + second / 3_600, second / 60 % 60, second % 60);
            writeln!(
                file,
                "2026-03-02T{hour:02}:{minute:02}:{second:02}Z {:<5} #{number} {text}",
                level.name()
            )?;
            if number % per_step == 0 {
                sleep(takes / STEPS).await;
            }
        }
        Ok(rotations)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.file)
    }

    /// Rotates the file; gives the one to go on with.
    fn rotate(&self, file: File, number: u64) -> io::Result<File> {
        let old = self.file.with_extension(format!("log.{number:06}"));
        match self.rotation {
            Rotation::Rename => {
                fs::rename(&self.file, old)?;
                self.open()
            }
            Rotation::CopyTruncate => {
                fs::copy(&self.file, old)?;
                file.set_len(0)?;
                Ok(file)
            }
        }
    }
}

fn level(dice: &mut Dice) -> Level {
    match dice.roll(1_000) {
        0..10 => Level::Error,
        10..60 => Level::Warn,
        60..700 => Level::Info,
        _ => Level::Debug,
    }
}

fn message(dice: &mut Dice) -> String {
    const PATHS: [&str; 6] = ["/", "/pictures", "/pictures/new", "/map", "/about", "/prices"];
    const WHO: [&str; 4] = ["visitor", "member", "robot", "guest"];
    let (path, who, visitor, took) = (dice.pick(&PATHS), dice.pick(&WHO), dice.roll(5_000), dice.roll(900));
    format!("GET {path} for {who}-{visitor} took {took} ms")
}
