//! What a disk may hold after the power went: decided at random within what was synced.
//!
//! Synced bytes and names are there. Of other writes each sector is there or not, and the length of the file is that of any
//! moment since the sync. Of the names in a folder, those changes are there that came before some moment of the file system
//! (as journals keep them), or before one for each folder, or any of them that do not contradict each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::random::Random;
use crate::log::disk::tap::{Change, FileId, Initial};

/// The unit in which a disk keeps or loses what is written.
const SECTOR_BYTES: u64 = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(FileId),
}

type Names = BTreeMap<PathBuf, Node>;

/// Makes in `target`, an empty folder, what the disk may hold after `changes` and a power cut.
pub(crate) fn write_image(target: &Path, initial: &Initial, changes: &[Change], random: &mut Random) {
    let survives = surviving_names(changes, random);
    let names = names(initial, changes, &survives, random);
    write(target, initial, names, |before, file| contents(before, file, changes, random));
}

/// Makes in `target`, an empty folder, what is there after `changes` when only the process dies.
pub(crate) fn write_all(target: &Path, initial: &Initial, changes: &[Change]) {
    let names = names(initial, changes, &vec![true; changes.len()], &mut Random::new(0));
    write(target, initial, names, |mut bytes, file| {
        changes.iter().filter(|change| is_of(change, file)).for_each(|change| apply(&mut bytes, change));
        bytes
    });
}

fn write(
    target: &Path,
    initial: &Initial,
    names: Names,
    mut contents: impl FnMut(Vec<u8>, FileId) -> Vec<u8>,
) {
    for (path, node) in names {
        match node {
            Node::Dir => fs::create_dir_all(target.join(path)).unwrap(),
            Node::File(file) => {
                let before = initial.files.values().find(|(id, _)| *id == file);
                let before = before.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
                fs::write(target.join(path), contents(before, file)).unwrap();
            }
        }
    }
}

/// Whether a change is one of this file's bytes.
fn is_of(change: &Change, file: FileId) -> bool {
    match change {
        Change::Write { file: id, .. } | Change::SetLen { file: id, .. } => *id == file,
        _ => false,
    }
}

/// Which of the changes of names are on the disk.
fn surviving_names(changes: &[Change], random: &mut Random) -> Vec<bool> {
    let mut synced: BTreeMap<&Path, usize> = BTreeMap::new();
    for change in changes {
        if let Change::SyncDir { path, began } = change {
            let latest = synced.entry(path).or_default();
            *latest = (*latest).max(*began);
        }
    }
    let is_durable = |index: usize| {
        folder_of(&changes[index]).is_some_and(|dir| synced.get(dir).is_some_and(|&at| index < at))
    };
    let mut survives: Vec<bool> = (0..changes.len()).map(is_durable).collect();
    match random.below(3) {
        0 => {
            let least = survives.iter().rposition(|survives| *survives).map_or(0, |last| last + 1);
            let cutoff = least + random.below(changes.len() - least + 1);
            survives.iter_mut().take(cutoff).for_each(|survives| *survives = true);
        }
        1 => {
            let mut cutoffs = BTreeMap::new();
            for (index, change) in changes.iter().enumerate() {
                let Some(dir) = folder_of(change) else { continue };
                let cutoff = cutoffs.entry(dir).or_insert_with(|| {
                    let least = synced.get(dir).copied().unwrap_or(0);
                    least + random.below(changes.len() - least + 1)
                });
                survives[index] |= index < *cutoff;
            }
        }
        _ => {
            let percent = *random.pick(&[0, 20, 50, 80, 100]);
            survives.iter_mut().for_each(|survives| *survives |= random.percent(percent));
        }
    }
    // A later change of the same name cannot be there without the earlier one.
    let mut needed = BTreeSet::new();
    for (index, change) in changes.iter().enumerate().rev() {
        let touched = names_of(change);
        survives[index] |= touched.iter().any(|name| needed.contains(name));
        if survives[index] {
            needed.extend(touched);
        }
    }
    survives
}

/// The names that a change is about.
fn names_of(change: &Change) -> Vec<&Path> {
    match change {
        Change::Create { path, .. }
        | Change::CreateDir { path }
        | Change::Remove { path }
        | Change::RemoveTree { path } => vec![path],
        Change::Rename { from, to } => vec![from, to],
        Change::Write { .. } | Change::SetLen { .. } | Change::SyncFile { .. } | Change::SyncDir { .. } => {
            vec![]
        }
    }
}

fn folder_of(change: &Change) -> Option<&Path> {
    names_of(change).first().and_then(|name| name.parent())
}

fn names(initial: &Initial, changes: &[Change], survives: &[bool], random: &mut Random) -> Names {
    let dirs = initial.dirs.iter().map(|path| (path.clone(), Node::Dir));
    let files = initial.files.iter().map(|(path, (file, _))| (path.clone(), Node::File(*file)));
    let mut names: Names = dirs.chain(files).collect();
    for (change, survives) in changes.iter().zip(survives) {
        match change {
            Change::RemoveTree { path } if !survives => {
                // Half of it may be gone.
                let percent = *random.pick(&[0, 50]);
                names.retain(|name, node| {
                    *node == Node::Dir || !name.starts_with(path) || !random.percent(percent)
                });
            }
            _ if !survives => {}
            Change::Create { path, file } => insert(&mut names, path, Node::File(*file)),
            Change::CreateDir { path } => insert(&mut names, path, Node::Dir),
            Change::Rename { from, to } => rename(&mut names, from, to),
            Change::Remove { path } => _ = names.remove(path),
            Change::RemoveTree { path } => names.retain(|name, _| !name.starts_with(path)),
            _ => {}
        }
    }
    names
}

fn insert(names: &mut Names, path: &Path, node: Node) {
    let parent = path.parent().unwrap();
    if parent.as_os_str().is_empty() || names.contains_key(parent) {
        names.insert(path.to_path_buf(), node);
    }
}

fn rename(names: &mut Names, from: &Path, to: &Path) {
    let moved: Vec<PathBuf> = names.keys().filter(|name| name.starts_with(from)).cloned().collect();
    for name in moved {
        let node = names.remove(&name).unwrap();
        let rest = name.strip_prefix(from).unwrap();
        let name = if rest.as_os_str().is_empty() { to.to_path_buf() } else { to.join(rest) };
        names.insert(name, node);
    }
}

/// What a file holds that had `before` at the start.
fn contents(before: Vec<u8>, file: FileId, changes: &[Change], random: &mut Random) -> Vec<u8> {
    let synced = changes.iter().filter_map(|change| match change {
        Change::SyncFile { file: id, began } if *id == file => Some(*began),
        _ => None,
    });
    let synced = synced.max().unwrap_or(0);
    let of_file = |change: &&Change| is_of(change, file);
    let mut bytes = before;
    changes[..synced].iter().filter(of_file).for_each(|change| apply(&mut bytes, change));
    let pending: Vec<&Change> = changes[synced..].iter().filter(of_file).collect();
    match random.below(4) {
        0 => bytes,
        1 => {
            pending.into_iter().for_each(|change| apply(&mut bytes, change));
            bytes
        }
        _ => torn(bytes, &pending, random),
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { position, bytes: written, .. } => put(bytes, *position, written),
        Change::SetLen { size_bytes, .. } => bytes.resize(usize::try_from(*size_bytes).unwrap(), 0),
        _ => {}
    }
}

fn put(bytes: &mut Vec<u8>, position: u64, written: &[u8]) {
    let position = usize::try_from(position).unwrap();
    let end = position + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[position..end].copy_from_slice(written);
}

/// Some sectors of the pending writes, in a file as long as it was at some moment.
fn torn(mut bytes: Vec<u8>, pending: &[&Change], random: &mut Random) -> Vec<u8> {
    let moment = random.below(pending.len() + 1);
    let mut size_bytes = bytes.len() as u64;
    for change in &pending[..moment] {
        match change {
            Change::Write { position, bytes, .. } => {
                size_bytes = size_bytes.max(position + bytes.len() as u64);
            }
            Change::SetLen { size_bytes: new, .. } => size_bytes = *new,
            _ => {}
        }
    }
    let percent = *random.pick(&[0, 30, 70, 95, 100]);
    for (index, change) in pending.iter().enumerate() {
        match change {
            Change::Write { position, bytes: written, .. } => {
                let mut at = 0;
                while at < written.len() {
                    let start = position + at as u64;
                    let room = usize::try_from(SECTOR_BYTES - start % SECTOR_BYTES).unwrap();
                    let end = written.len().min(at + room);
                    if random.percent(percent) {
                        put(&mut bytes, start, &written[at..end]);
                    }
                    at = end;
                }
            }
            change if index < moment => apply(&mut bytes, change),
            _ => {}
        }
    }
    bytes.resize(usize::try_from(size_bytes).unwrap(), 0);
    bytes
}
