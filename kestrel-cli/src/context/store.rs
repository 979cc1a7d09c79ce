//! ContextStore: the folder that contexts are kept in, a file for each, and the name of the one in use.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Properties;
use crate::failure::Failure;

const ENDING: &str = ".properties";

/// The contexts of a user.
#[derive(Debug)]
pub(crate) struct ContextStore {
    /// `None` for a user who has no home.
    folder: Option<PathBuf>,
}

impl ContextStore {
    /// The store of whoever runs the program: KESTREL_HOME, or `kestrel` where programs keep their configuration.
    pub(crate) fn of_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("KESTREL_HOME")
            .or_else(|| Some(variable("XDG_CONFIG_HOME").or_else(|| variable("APPDATA"))?.join("kestrel")))
            .or_else(|| Some(variable("HOME")?.join(".config").join("kestrel")));
        Self { folder }
    }

    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    /// The names of all contexts.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(folder.join("contexts")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(folder, &error)),
        };
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> =
            files.filter_map(|file| Some(file.strip_suffix(ENDING)?.to_owned())).collect();
        names.sort();
        Ok(names)
    }

    /// The properties of a context.
    pub(crate) fn read(&self, name: &str) -> Result<Properties, Failure> {
        let file = self.file(name)?;
        match fs::read_to_string(&file) {
            Ok(text) => Properties::parse(&text, &file.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.unknown(name)),
            Err(error) => Err(unusable(&file, &error)),
        }
    }

    /// Writes a context down, in place of the one of this name. Only its owner may read it: there may be passwords in it.
    pub(crate) fn write(&self, name: &str, properties: &Properties) -> Result<(), Failure> {
        let file = self.file(name)?;
        replace(&file, &properties.to_text()).map_err(|error| unusable(&file, &error))
    }

    /// Removes a context.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let file = self.file(name)?;
        match fs::remove_file(&file) {
            Ok(()) if self.current()?.as_deref() == Some(name) => self.deselect(),
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.unknown(name)),
            Err(error) => Err(unusable(&file, &error)),
        }
    }

    /// The name of the context in use.
    pub(crate) fn current(&self) -> Result<Option<String>, Failure> {
        let Some(folder) = &self.folder else { return Ok(None) };
        match fs::read_to_string(folder.join("current")) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(folder, &error)),
        }
    }

    /// Takes a context into use.
    pub(crate) fn select(&self, name: &str) -> Result<(), Failure> {
        self.read(name)?;
        let file = self.folder()?.join("current");
        replace(&file, &format!("{name}\n")).map_err(|error| unusable(&file, &error))
    }

    fn deselect(&self) -> Result<(), Failure> {
        let file = self.folder()?.join("current");
        fs::remove_file(&file).map_err(|error| unusable(&file, &error))
    }

    fn folder(&self) -> Result<&Path, Failure> {
        self.folder.as_deref().ok_or_else(|| {
            Failure::new("there is no folder to keep contexts in").remedy("KESTREL_HOME names one.")
        })
    }

    fn file(&self, name: &str) -> Result<PathBuf, Failure> {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_fit) {
            return Err(Failure::usage(format!(
                "`{name}` is no name of a context: it has letters, digits, `.`, `_` and `-`"
            )));
        }
        Ok(self.folder()?.join("contexts").join(format!("{name}{ENDING}")))
    }

    fn unknown(&self, name: &str) -> Failure {
        let failure = Failure::new(format!("there is no context {name}"));
        let names = self.names().unwrap_or_default();
        match kestrel_settings::closest(name, names.iter().map(String::as_str)) {
            Some(close) => failure.remedy(format!("Did you mean {close}?")),
            None => failure.remedy("`kestrel context list` shows those that are there."),
        }
    }
}

/// Writes a file whole or not at all.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = file.with_extension("draft");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&draft)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&draft, file)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_kept_used_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = ContextStore::at(&folder.path().join("kestrel"));
        assert_eq!((store.names().unwrap(), store.current().unwrap()), (vec![], None));
        let properties: Properties =
            [("bootstrap.servers".to_owned(), "a:1".to_owned())].into_iter().collect();
        store.write("shop", &properties).unwrap();
        store.write("bank", &Properties::default()).unwrap();
        assert_eq!(store.names().unwrap(), ["bank", "shop"]);
        assert_eq!(store.read("shop").unwrap(), properties);
        store.select("shop").unwrap();
        assert_eq!(store.current().unwrap().as_deref(), Some("shop"));
        assert!(store.select("shpo").is_err());
        store.remove("shop").unwrap();
        assert_eq!((store.names().unwrap(), store.current().unwrap()), (vec!["bank".to_owned()], None));
        assert!(store.remove("shop").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_a_context() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = ContextStore::at(folder.path());
        store.write("shop", &Properties::default()).unwrap();
        let mode = fs::metadata(store.file("shop").unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_name_is_no_path() {
        let store = ContextStore::at(Path::new("/nowhere"));
        for name in ["", "..", "a/b", "a b", ".hidden"] {
            assert!(store.file(name).is_err(), "{name}");
        }
        assert!(ContextStore { folder: None }.write("shop", &Properties::default()).is_err());
    }
}
