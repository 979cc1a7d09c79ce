//! The keys that say which node this is and where its data is. Several have the same meaning: the first that is set counts.

use std::path::PathBuf;

use kestrel_protocol::NodeId;
use kestrel_settings::{InvalidSetting, RawSettings, list, settings};

settings! {
    /// The node as its keys have it.
    pub(super) struct NodeSettings, keys NODE: NodeKeys;

    /// An older name of node.id; used when node.id is not given.
    broker_id: i32, "broker.id", Int, "-1", [any];
    /// The data folder; used when log.dirs is not given.
    log_dir: String, "log.dir", List, "./kestrel-data", [any];
    /// The data folder. One folder, not a list.
    log_dirs: String, "log.dirs", List, null, [any];
    /// The number of this node. A data folder belongs to the node that made it.
    node_id: i32, "node.id", Int, "1", [0..];
    /// What this process is. Kestrel is always both, broker and controller.
    process_roles: String, "process.roles", List, null, [each "broker" | "controller"];
}

/// The folder that holds all data, by the settings.
///
/// # Errors
/// When they do not name one.
pub(crate) fn data_dir(raw: &RawSettings) -> Result<PathBuf, InvalidSetting> {
    let mut settings = NodeSettings::default();
    raw.apply(NodeSettings::ROWS, &mut settings)?;
    settings.data_dir(raw)
}

impl NodeSettings {
    /// The number of this node.
    pub(super) fn node_id(&self, raw: &RawSettings) -> Result<NodeId, InvalidSetting> {
        let is_by_old_name = !raw.has(NODE.node_id.name) && raw.has(NODE.broker_id.name);
        let (key, id) =
            if is_by_old_name { (&NODE.broker_id, self.broker_id) } else { (&NODE.node_id, self.node_id) };
        if id < 0 {
            return Err(raw.invalid(key, "a whole number from 0 to 2147483647"));
        }
        Ok(NodeId(id))
    }

    /// The folder that holds all data.
    pub(super) fn data_dir(&self, raw: &RawSettings) -> Result<PathBuf, InvalidSetting> {
        let has_dirs = raw.has(NODE.log_dirs.name);
        let (key, value) =
            if has_dirs { (&NODE.log_dirs, &self.log_dirs) } else { (&NODE.log_dir, &self.log_dir) };
        let mut dirs = list(value);
        match (dirs.next(), dirs.next()) {
            (Some(dir), None) => Ok(PathBuf::from(dir)),
            _ => Err(raw.invalid(key, "one folder: Kestrel keeps all data in a single one")),
        }
    }

    /// Checks the roles: Kestrel is broker and controller in one process, and what else a file wants of it must not pass for done.
    pub(super) fn check_roles(
        &self,
        raw: &RawSettings,
        warnings: &mut Vec<String>,
    ) -> Result<(), InvalidSetting> {
        match list(&self.process_roles).collect::<Vec<_>>().as_slice() {
            ["controller"] => Err(raw.invalid(
                &NODE.process_roles,
                "broker,controller or nothing: Kestrel is both in one process, and there is nothing for a controller of its own \
                 to do; start one kestrel-broker in place of the whole cluster",
            )),
            ["broker"] => {
                warnings.push(
                    "process.roles=broker: Kestrel is its own controller, and the one of \
                     controller.quorum.bootstrap.servers or controller.quorum.voters is not asked"
                        .to_owned(),
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
