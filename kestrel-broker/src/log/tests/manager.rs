//! The data folder: who may use it, what it remembers, what a delete leaves.

use std::fs;

use kestrel_protocol::{NodeId, TopicId};

use super::rooms::{TOPIC_ID, options};
use super::*;
use crate::log::*;

fn text(folder: &Folder, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

#[test]
fn a_new_folder_gets_an_identity_that_stays() {
    let folder = Folder::new(LogConfig::default());
    let manager = folder.manager();
    let (cluster_id, directory_id) = (manager.cluster_id().to_owned(), manager.directory_id());
    assert_eq!(cluster_id.len(), 22);
    drop(manager);
    let manager = folder.manager();
    assert_eq!((manager.cluster_id(), manager.directory_id()), (cluster_id.as_str(), directory_id));
    drop(manager);

    let mismatch = |change: fn(&mut ManagerOptions)| {
        let mut options = options(Durability::Os);
        change(&mut options);
        LogManager::open(folder.path(), options).unwrap_err().to_string()
    };
    assert!(
        mismatch(|options| options.node_id = NodeId(2)).ends_with("belongs to node.id 1, but node.id is 2")
    );
    assert!(
        mismatch(|options| options.cluster_id = Some("other".into())).ends_with("but other was asked for")
    );
    fs::write(folder.path().join("meta.properties"), "version=1\n").unwrap();
    assert!(mismatch(|_| {}).ends_with("is damaged: node.id is missing"));
}

#[test]
fn a_folder_has_one_broker() {
    let folder = Folder::new(LogConfig::default());
    let manager = folder.manager();
    let error = LogManager::open(folder.path(), options(Durability::Os)).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
    drop(manager);
    folder.manager();
}

#[test]
fn a_clean_stop_says_so_last() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 3)).unwrap();
    open.log.note_high_watermark(2);
    open.close();
    assert_eq!(text(&folder, ".kafka_cleanshutdown"), r#"{"version":0,"brokerEpoch":7}"#);
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n1\nt 0 3\n");
    assert_eq!(text(&folder, "replication-offset-checkpoint"), "0\n1\nt 0 2\n");
    assert_eq!(text(&folder, "log-start-offset-checkpoint"), "0\n0\n");
    assert_eq!(text(&folder, "cleaner-offset-checkpoint"), "0\n0\n");
    assert_eq!(folder.files(".snapshot"), ["00000000000000000003.snapshot"]);
    assert_eq!(fs::metadata(folder.file("00000000000000000000.timeindex")).unwrap().len(), 12);

    let open = folder.open();
    assert!(open.manager.was_clean_shutdown());
    assert!(!folder.path().join(".kafka_cleanshutdown").exists());
    assert_eq!(open.log.log_end_offset(), 3);
    let request = |log: &Log| log.append(keyed(1, 0, 3, 1).into_bytes(), client());
    open.manager.close(-1).unwrap();
    assert!(matches!(request(&open.log), Err(AppendError::Log(LogError::Closed))));
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n1\nt 0 3\n");
}

#[test]
fn logs_that_are_not_opened_keep_their_checkpoints() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 3)).unwrap();
    open.log.note_high_watermark(2);
    open.close();
    folder.manager().close(-1).unwrap();
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n1\nt 0 3\n");
    assert_eq!(text(&folder, "replication-offset-checkpoint"), "0\n1\nt 0 2\n");
}

#[test]
fn partitions_are_found_with_their_topic_ids() {
    let folder = Folder::new(LogConfig::default());
    folder.open().close();
    fs::create_dir(folder.path().join("a-b-11")).unwrap();
    fs::create_dir(folder.path().join("not_a_partition")).unwrap();
    fs::create_dir(folder.path().join("old-0.0123456789abcdef0123456789abcdef-delete")).unwrap();
    let manager = folder.manager();
    let found =
        |topic: &str, partition, topic_id| FoundPartition { topic: topic.into(), partition, topic_id };
    assert_eq!(manager.found_partitions(), [found("a-b", 11, None), found("t", 0, Some(TOPIC_ID))]);
    assert!(!folder.path().join("old-0.0123456789abcdef0123456789abcdef-delete").exists());
}

#[test]
fn a_folder_belongs_to_one_topic() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    assert!(std::sync::Arc::ptr_eq(&open.log, &open.manager.open_log(folder.partition()).unwrap()));
    drop(open);
    let other = OpenLog { topic_id: TopicId::from_u128(43), ..folder.partition() };
    let error = folder.manager().open_log(other).unwrap_err();
    assert!(matches!(error, LogError::InconsistentTopicId { found, .. } if found == TOPIC_ID), "{error}");
}

#[test]
fn a_deleted_log_leaves_nothing_to_the_next_of_its_name() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 5)).unwrap();
    open.log.delete_records_before(4).unwrap();
    open.log.flush().unwrap();
    open.manager.checkpoint().unwrap();
    open.manager.delete_log("t", 0).unwrap();
    assert!(matches!(append(&open.log, &keyed(1, 0, 5, 1)), Err(AppendError::Log(LogError::Closed))));
    let request = ReadRequest {
        fetch_offset: 4,
        max_bytes: 1,
        up_to_offset: 5,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: usize::MAX,
    };
    assert!(matches!(read_both(&open.log, request), Err(LogError::Closed)));
    assert!(!folder.file("").exists());
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n0\n");
    assert_eq!(text(&folder, "log-start-offset-checkpoint"), "0\n0\n");
    let deleted = || {
        let names = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with("-delete")).count()
    };
    assert_eq!(deleted(), 1);
    open.manager.purge_deleted().unwrap();
    assert_eq!(deleted(), 0);
    open.manager.delete_log("t", 0).unwrap();

    let again = OpenLog { topic_id: TopicId::from_u128(43), ..folder.partition() };
    let log = open.manager.open_log(again.clone()).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, 0));
    append(&log, &keyed(1, 0, 0, 1)).unwrap();
    drop((log, open));
    let manager = folder.manager();
    assert_eq!(manager.open_log(again).unwrap().log_end_offset(), 1);
}

#[test]
fn a_delete_waits_for_the_flush_that_runs() {
    let folder = Folder::new(LogConfig::default()).with_durability(Durability::Group);
    let manager = folder.manager();
    for _ in 0..20 {
        let log = manager.open_log(folder.partition()).unwrap();
        append(&log, &keyed(1, 0, 0, 5)).unwrap();
        manager.delete_log("t", 0).unwrap();
    }
    assert_eq!(manager.poisoned(), None);
    manager.close(-1).unwrap();
}

#[test]
fn a_log_keeps_few_files_open() {
    let folder =
        Folder::new(LogConfig { segment_bytes: 200, index_interval_bytes: 1, ..LogConfig::default() });
    let open = folder.open();
    for n in 0..50 {
        append(&open.log, &keyed(1, 0, n, 1)).unwrap();
    }
    assert!(folder.files(".log").len() > 20);
    assert_eq!(values_of(read_all(&open.log)).len(), 50);
    open.log.flush().unwrap();
    let dir = folder.file("");
    let count = || {
        let links = fs::read_dir("/proc/self/fd").into_iter().flatten();
        links
            .filter(|link| {
                fs::read_link(link.as_ref().unwrap().path()).is_ok_and(|path| path.starts_with(&dir))
            })
            .count()
    };
    // The flusher may be in the middle of one more.
    let deadline = 1000;
    assert!(
        (0..deadline).any(|_| {
            std::thread::yield_now();
            count() <= 3
        }),
        "{} files are open",
        count()
    );
}
