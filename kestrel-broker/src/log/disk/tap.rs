//! For tests: hears of every change that the log makes below a folder, in order, and lets changes fail as a plan says.
//!
//! The journal is what a simulated power cut is built from: it says what was written and what was synced. Syncs are written
//! down only, as no test cuts the power for real.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Existing;

/// A file, whatever its name is now.
pub(crate) type FileId = usize;

/// One change, with paths below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new, empty file.
    Create {
        path: PathBuf,
        file: FileId,
    },
    CreateDir {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    RemoveTree {
        path: PathBuf,
    },
    Write {
        file: FileId,
        position: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: FileId,
        size_bytes: u64,
    },
    /// Of the journal's changes to the file, those before `began` are on the disk.
    SyncFile {
        file: FileId,
        began: usize,
    },
    SyncDir {
        path: PathBuf,
        began: usize,
    },
}

/// A kind of call that a plan can let fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Write,
    SetLen,
    Sync,
    Rename,
    Remove,
    CreateDir,
}

/// Lets calls fail.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) call: Call,
    /// What the path contains.
    pub(crate) path: &'static str,
    /// How many calls succeed first.
    pub(crate) after: usize,
    /// How many calls fail then.
    pub(crate) times: usize,
    /// How many bytes are written nevertheless.
    pub(crate) bytes: usize,
    pub(crate) errno: rustix::io::Errno,
}

impl Fault {
    /// Lets every such call fail.
    pub(crate) fn of(call: Call, path: &'static str, errno: rustix::io::Errno) -> Self {
        Self { call, path, after: 0, times: usize::MAX, bytes: 0, errno }
    }
}

/// The files below the root when a recorder began to listen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Initial {
    pub(crate) dirs: Vec<PathBuf>,
    pub(crate) files: BTreeMap<PathBuf, (FileId, Vec<u8>)>,
}

/// The changes below one folder.
#[derive(Debug)]
pub(crate) struct Recorder {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    journal: Vec<Change>,
    initial: Initial,
    names: BTreeMap<PathBuf, FileId>,
    next_file: FileId,
    faults: Vec<Fault>,
    during_sync: Option<Box<dyn FnMut() + Send>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("changes", &self.journal.len()).finish_non_exhaustive()
    }
}

static RECORDERS: Mutex<Vec<(PathBuf, Weak<Recorder>)>> = Mutex::new(Vec::new());

impl Recorder {
    /// Listens below `root` until it is dropped. Files that are there already count as durable.
    pub(crate) fn start(root: &Path) -> Arc<Self> {
        let mut state = State::default();
        state.adopt(root, Path::new(""));
        let recorder = Arc::new(Self { root: root.to_path_buf(), state: Mutex::new(state) });
        let mut recorders = RECORDERS.lock();
        recorders.retain(|(_, recorder)| recorder.strong_count() > 0);
        recorders.push((root.to_path_buf(), Arc::downgrade(&recorder)));
        recorder
    }

    /// How many changes there were.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().journal.len()
    }

    /// What was there at the start, and all changes since.
    pub(crate) fn history(&self) -> (Initial, Vec<Change>) {
        let state = self.state.lock();
        (state.initial.clone(), state.journal.clone())
    }

    /// Adds to the plan.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&self) {
        self.state.lock().faults.clear();
    }

    /// What is done while a file is being synced, once per sync; `None` for nothing more.
    pub(crate) fn during_sync(&self, work: Option<Box<dyn FnMut() + Send>>) {
        self.state.lock().during_sync = work;
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).expect("the path is below the root").to_path_buf()
    }

    /// The error that the plan has for this call, and how many bytes are written nevertheless.
    fn fault(&self, call: Call, path: &Path) -> Option<(usize, io::Error)> {
        let mut state = self.state.lock();
        let fault = state
            .faults
            .iter_mut()
            .find(|fault| fault.call == call && path.to_string_lossy().contains(fault.path))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times = fault.times.checked_sub(1)?;
        Some((fault.bytes, fault.errno.into()))
    }

    fn sync(&self, change: impl FnOnce(usize) -> Change) {
        let (began, work) = {
            let mut state = self.state.lock();
            (state.journal.len(), state.during_sync.take())
        };
        if let Some(mut work) = work {
            work();
            self.state.lock().during_sync.get_or_insert(work);
        }
        self.state.lock().journal.push(change(began));
    }
}

impl State {
    fn adopt(&mut self, root: &Path, below: &Path) {
        for entry in std::fs::read_dir(root.join(below)).unwrap() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                self.initial.dirs.push(path.clone());
                self.adopt(root, &path);
            } else {
                let file = self.new_file();
                self.names.insert(path.clone(), file);
                self.initial.files.insert(path, (file, std::fs::read(entry.path()).unwrap()));
            }
        }
    }

    fn push(&mut self, change: Change) {
        match &change {
            Change::Create { path, file } => _ = self.names.insert(path.clone(), *file),
            Change::Rename { from, to } => {
                let moved: Vec<PathBuf> =
                    self.names.keys().filter(|name| name.starts_with(from)).cloned().collect();
                for name in moved {
                    let file = self.names.remove(&name).unwrap();
                    let rest = name.strip_prefix(from).unwrap();
                    let name = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                    self.names.insert(name, file);
                }
            }
            Change::Remove { path } => _ = self.names.remove(path),
            Change::RemoveTree { path } => self.names.retain(|name, _| !name.starts_with(path)),
            _ => {}
        }
        self.journal.push(change);
    }

    fn new_file(&mut self) -> FileId {
        self.next_file += 1;
        self.next_file
    }
}

/// An open file that a recorder hears of.
#[derive(Debug)]
pub(crate) struct Tap {
    recorder: Arc<Recorder>,
    file: FileId,
    path: PathBuf,
}

impl Tap {
    pub(super) fn write(
        &self,
        slices: &mut [IoSlice<'_>],
        position: u64,
        write: impl FnOnce(&mut [IoSlice<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let fault = self.recorder.fault(Call::Write, &self.path);
        if let Some((written, _)) = &fault {
            bytes.truncate(*written);
            write(&mut [IoSlice::new(&bytes)])?;
        } else {
            write(slices)?;
        }
        self.recorder.state.lock().push(Change::Write { file: self.file, position, bytes });
        fault.map_or(Ok(()), |(_, error)| Err(error))
    }

    pub(super) fn set_len(&self, size_bytes: u64, cut: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if let Some((_, error)) = self.recorder.fault(Call::SetLen, &self.path) {
            return Err(error);
        }
        cut()?;
        self.recorder.state.lock().push(Change::SetLen { file: self.file, size_bytes });
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        if let Some((_, error)) = self.recorder.fault(Call::Sync, &self.path) {
            return Err(error);
        }
        self.recorder.sync(|began| Change::SyncFile { file: self.file, began });
        Ok(())
    }
}

impl Change {
    pub(super) fn rename(from: &Path, to: &Path) -> impl FnOnce(&Recorder) -> Self {
        move |recorder| Self::Rename { from: recorder.below(from), to: recorder.below(to) }
    }

    pub(super) fn create_dir(path: &Path) -> impl FnOnce(&Recorder) -> Self {
        move |recorder| Self::CreateDir { path: recorder.below(path) }
    }

    pub(super) fn remove(path: &Path) -> impl FnOnce(&Recorder) -> Self {
        move |recorder| Self::Remove { path: recorder.below(path) }
    }

    pub(super) fn remove_tree(path: &Path) -> impl FnOnce(&Recorder) -> Self {
        move |recorder| Self::RemoveTree { path: recorder.below(path) }
    }
}

/// Opens a file, and says so if that created or emptied it.
pub(super) fn open(
    path: &Path,
    existing: Existing,
    open: impl FnOnce() -> io::Result<File>,
) -> io::Result<(File, Option<Tap>)> {
    let Some(recorder) = recorder_of(path) else { return Ok((open()?, None)) };
    if let Some((_, error)) = recorder.fault(Call::Open, path) {
        return Err(error);
    }
    let name = recorder.below(path);
    let mut state = recorder.state.lock();
    let opened = open()?;
    let file = match state.names.get(&name).copied() {
        Some(file) => file,
        None => {
            let file = state.new_file();
            state.push(Change::Create { path: name, file });
            file
        }
    };
    if existing == Existing::Emptied {
        state.push(Change::SetLen { file, size_bytes: 0 });
    }
    drop(state);
    Ok((opened, Some(Tap { recorder, file, path: path.to_path_buf() })))
}

/// Makes a change of names, and says so.
pub(super) fn change(
    path: &Path,
    call: Call,
    change: impl FnOnce(&Recorder) -> Change,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let Some(recorder) = recorder_of(path) else { return work() };
    if let Some((_, error)) = recorder.fault(call, path) {
        return Err(error);
    }
    let change = change(&recorder);
    let mut state = recorder.state.lock();
    work()?;
    state.push(change);
    Ok(())
}

/// The failure that is planned for a call.
pub(super) fn fail(path: &Path, call: Call) -> io::Result<()> {
    recorder_of(path).and_then(|recorder| recorder.fault(call, path)).map_or(Ok(()), |(_, error)| Err(error))
}

/// Says that a folder was synced.
pub(super) fn sync_dir(dir: &Path, open: &File) -> io::Result<()> {
    let Some(recorder) = recorder_of(dir) else { return open.sync_all() };
    if let Some((_, error)) = recorder.fault(Call::Sync, dir) {
        return Err(error);
    }
    let path = recorder.below(dir);
    recorder.sync(|began| Change::SyncDir { path, began });
    Ok(())
}

fn recorder_of(path: &Path) -> Option<Arc<Recorder>> {
    let recorders = RECORDERS.lock();
    recorders.iter().find(|(root, _)| path.starts_with(root)).and_then(|(_, recorder)| recorder.upgrade())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::{self, DiskFile, FileSync};

    #[test]
    fn what_is_changed_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("old"), b"kept").unwrap();
        let recorder = Recorder::start(dir.path());
        let counted = Arc::new(Mutex::new(0));
        let count = Arc::clone(&counted);
        recorder.during_sync(Some(Box::new(move || *count.lock() += 1)));
        disk::replace(&dir.path().join("new"), b"text", FileSync::Yes).unwrap();
        disk::remove_file(&dir.path().join("old")).unwrap();
        let (initial, changes) = recorder.history();
        assert_eq!(initial.files[Path::new("old")].1, b"kept");
        let (temporary, new) = (PathBuf::from("new.tmp"), PathBuf::from("new"));
        let expected = [
            Change::Create { path: temporary.clone(), file: 2 },
            Change::SetLen { file: 2, size_bytes: 0 },
            Change::Write { file: 2, position: 0, bytes: b"text".to_vec() },
            Change::SyncFile { file: 2, began: 3 },
            Change::Rename { from: temporary, to: new },
            Change::SyncDir { path: PathBuf::new(), began: 5 },
            Change::Remove { path: "old".into() },
        ];
        assert_eq!(changes, expected);
        assert_eq!((recorder.len(), *counted.lock()), (expected.len(), 2));
    }

    #[test]
    fn what_is_planned_fails() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(dir.path());
        let file = DiskFile::open(&dir.path().join("file"), Existing::Refused).unwrap();
        let full = Fault::of(Call::Write, "file", rustix::io::Errno::NOSPC);
        recorder.fail(Fault { after: 1, times: 1, bytes: 2, ..full });
        let write = |bytes: &[u8], position| file.write_all_at(&mut [IoSlice::new(bytes)], position);
        write(b"one", 0).unwrap();
        assert_eq!(write(b"two", 3).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.read_at(0, 9).unwrap(), b"onetw");
        write(b"two", 3).unwrap();
        recorder.fail(Fault::of(Call::Sync, "", rustix::io::Errno::IO));
        assert!(file.sync_data().is_err());
        recorder.heal();
        file.sync_data().unwrap();
    }
}
