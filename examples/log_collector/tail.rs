//! Tail: follows a log file through its rotations, and gives each line once and in order.
//!
//! A file is known by its first line, whatever its name is: so one that was renamed is gone on with where it was, and so is the
//! copy of one that was then made empty. That needs first lines that differ, which those with a time do.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A first line may be that long.
const FIRST_LINE_BYTES: u64 = 64 * 1_024;

/// A log file, and how far it and its forerunners were read.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    /// How many bytes were read of the file that begins with this line.
    read: HashMap<Vec<u8>, u64>,
}

impl Tail {
    /// Follows a file from its beginning; it need not be there yet.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: HashMap::new() }
    }

    /// The lines that were written since: those of files that were rotated first, oldest first. A line that is still being written
    /// comes when it is complete.
    pub(crate) fn read_new(&mut self) -> io::Result<Vec<String>> {
        // Opened before the others are looked up: if it has forerunners, they have their names by then.
        let current = Opened::of(&self.path)?;
        let mut lines = Vec::new();
        for rotated in self.rotated()? {
            if let Some(rotated) = Opened::of(&rotated)? {
                lines.extend(self.read_on(rotated)?);
            }
        }
        if let Some(current) = current {
            lines.extend(self.read_on(current)?);
        }
        Ok(lines)
    }

    /// The files beside it that have its name and a number, oldest first.
    fn rotated(&self) -> io::Result<Vec<PathBuf>> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        let mut rotated = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some() && path.with_extension("") == self.path {
                rotated.push(path);
            }
        }
        rotated.sort_unstable();
        Ok(rotated)
    }

    fn read_on(&mut self, mut opened: Opened) -> io::Result<Vec<String>> {
        let offset = self.read.get(&opened.first_line).copied().unwrap_or_default();
        let bytes = opened.complete_lines(offset)?;
        // Made empty meanwhile: what was read may be anything. The copy has it, the next time.
        if opened.first_line()? != opened.first_line {
            return Ok(Vec::new());
        }
        let lines = String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect();
        self.read.insert(opened.first_line, offset + bytes.len() as u64);
        Ok(lines)
    }
}

/// A file with its first line.
struct Opened {
    file: File,
    first_line: Vec<u8>,
}

impl Opened {
    /// Opens a file; `None` when it is not there or has no line yet.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut opened = Self { file, first_line: Vec::new() };
        opened.first_line = opened.first_line()?;
        Ok(opened.first_line.ends_with(b"\n").then_some(opened))
    }

    /// The first line as it is now, with its end.
    fn first_line(&mut self) -> io::Result<Vec<u8>> {
        self.file.rewind()?;
        let mut line = Vec::new();
        BufReader::new(&mut self.file).take(FIRST_LINE_BYTES).read_until(b'\n', &mut line)?;
        Ok(line)
    }

    /// What is complete from an offset on.
    fn complete_lines(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(end);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    struct Folder {
        folder: TempDir,
        tail: Tail,
    }

    impl Folder {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let tail = Tail::of(&folder.path().join("web.log"));
            Self { folder, tail }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn append(&self, text: &str) {
            let mut file = File::options().create(true).append(true).open(self.path("web.log")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn copy_and_truncate(&self, old: &str) {
            fs::copy(self.path("web.log"), self.path(old)).unwrap();
            File::options().write(true).open(self.path("web.log")).unwrap().set_len(0).unwrap();
        }

        fn new_lines(&mut self) -> String {
            self.tail.read_new().unwrap().join(" ")
        }
    }

    #[test]
    fn lines_come_when_they_are_complete() {
        let mut folder = Folder::new();
        assert_eq!(folder.new_lines(), "", "there is no file");
        folder.append("on");
        assert_eq!(folder.new_lines(), "");
        folder.append("e\ntwo\nthr");
        assert_eq!(folder.new_lines(), "one two");
        folder.append("ee\n");
        assert_eq!(folder.new_lines(), "three");
        assert_eq!(folder.new_lines(), "");
    }

    #[test]
    fn files_that_were_renamed_are_read_to_their_end() {
        let mut folder = Folder::new();
        folder.append("one\ntwo\n");
        assert_eq!(folder.new_lines(), "one two");
        folder.append("three\n");
        fs::rename(folder.path("web.log"), folder.path("web.log.000001")).unwrap();
        folder.append("four\n");
        fs::rename(folder.path("web.log"), folder.path("web.log.000002")).unwrap();
        folder.append("five\n");
        fs::write(folder.path("web.log-other"), "six\n").unwrap();
        assert_eq!(folder.new_lines(), "three four five");
        assert_eq!(folder.new_lines(), "");
    }

    #[test]
    fn files_that_were_copied_and_made_empty_are_read_to_their_end() {
        let mut folder = Folder::new();
        folder.append("one\ntwo\n");
        assert_eq!(folder.new_lines(), "one two");
        folder.append("three\n");
        folder.copy_and_truncate("web.log.000001");
        folder.append("a fourth line that is longer than all lines before\n");
        assert_eq!(folder.new_lines(), "three a fourth line that is longer than all lines before");
        folder.copy_and_truncate("web.log.000002");
        assert_eq!(folder.new_lines(), "");
        folder.append("five\n");
        assert_eq!(folder.new_lines(), "five");
    }

    #[test]
    fn what_is_made_empty_while_it_is_read_is_read_from_the_copy() {
        let mut folder = Folder::new();
        folder.append("one\n");
        assert_eq!(folder.new_lines(), "one");
        folder.append("two\n");
        let opened = Opened::of(&folder.path("web.log")).unwrap().unwrap();
        folder.copy_and_truncate("web.log.000001");
        folder.append("another beginning\n");
        assert!(folder.tail.read_on(opened).unwrap().is_empty());
        assert_eq!(folder.new_lines(), "two another beginning");
    }
}
