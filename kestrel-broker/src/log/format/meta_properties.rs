//! `meta.properties`: whose data folder this is. Called by the manager when it takes the folder.

use std::fmt::Write;
use std::path::Path;

use kestrel_protocol::{NodeId, Uuid};

use crate::log::disk::{self, FileSync};
use crate::log::error::StorageError;

/// The only version that is understood: that of KRaft.
const VERSION: &str = "1";

/// The identity of a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log) struct MetaProperties {
    /// `cluster.id`: 22 characters of base64 in most cases, but any text will do.
    pub(in crate::log) cluster_id: String,
    /// `node.id`.
    pub(in crate::log) node_id: NodeId,
    /// `directory.id` (KIP-858); not there in a folder that an old Apache Kafka formatted.
    pub(in crate::log) directory_id: Option<Uuid>,
}

impl MetaProperties {
    /// Reads the file; `None` when there is none.
    pub(in crate::log) fn read(path: &Path) -> Result<Option<Self>, StorageError> {
        let Some(bytes) = disk::read_file(path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        Self::parse(&text).map(Some).map_err(|why| StorageError::Damaged { file: path.to_path_buf(), why })
    }

    /// Writes the file.
    pub(in crate::log) fn write(&self, path: &Path, sync: FileSync) -> Result<(), StorageError> {
        let mut text =
            format!("version={VERSION}\ncluster.id={}\nnode.id={}\n", self.cluster_id, self.node_id);
        if let Some(directory_id) = self.directory_id {
            writeln!(text, "directory.id={directory_id}").expect("a string takes what is written to it");
        }
        Ok(disk::replace(path, text.as_bytes(), sync)?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            text.lines()
                .filter_map(|line| line.trim().split_once('='))
                .find_map(|(name, value)| (name.trim_end() == key).then(|| value.trim_start()))
        };
        let needed = |key: &str| value(key).ok_or_else(|| format!("{key} is missing"));
        if needed("version")? != VERSION {
            return Err(format!("version {} is not supported, only {VERSION} is", needed("version")?));
        }
        let node_id = needed("node.id")?.parse().map_err(|_| "node.id is not a number".to_owned())?;
        let directory_id = value("directory.id")
            .map(|id| id.parse().map_err(|_| "directory.id is not a uuid".to_owned()))
            .transpose()?;
        Ok(Self { cluster_id: needed("cluster.id")?.to_owned(), node_id: NodeId(node_id), directory_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_apache_kafka_is_read() {
        let text = "#\n#Sat Nov 21 11:02:06 UTC 2026\nnode.id=1\ndirectory.id=KSzpHz6_-uznnpHFg4wb8Q\nversion=1\n\
                    cluster.id=YxqwcHmaVd_WOzozx2LmNw\n";
        let meta = MetaProperties::parse(text).unwrap();
        assert_eq!(meta.node_id, NodeId(1));
        assert_eq!(meta.cluster_id, "YxqwcHmaVd_WOzozx2LmNw");
        assert_eq!(meta.directory_id.unwrap().to_string(), "KSzpHz6_-uznnpHFg4wb8Q");

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.properties");
        assert_eq!(MetaProperties::read(&path).unwrap(), None);
        meta.write(&path, FileSync::No).unwrap();
        assert_eq!(MetaProperties::read(&path).unwrap(), Some(meta));
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |text| MetaProperties::parse(text).unwrap_err();
        assert_eq!(parse(""), "version is missing");
        assert_eq!(parse("version=0\nbroker.id=1\n"), "version 0 is not supported, only 1 is");
        assert_eq!(parse("version=1\nnode.id=x\ncluster.id=a"), "node.id is not a number");
        assert_eq!(parse("version=1\nnode.id=1\n"), "cluster.id is missing");
    }
}
