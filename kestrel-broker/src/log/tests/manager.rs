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
    let other = OpenLog { topic: "other", ..folder.partition() };
    let manager = folder.manager();
    manager.open_log(other).unwrap();
    manager.close(-1).unwrap();
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n2\nother 0 0\nt 0 3\n");
    assert_eq!(text(&folder, "replication-offset-checkpoint"), "0\n2\nother 0 0\nt 0 2\n");
}

/// A folder whose last stop was a crash, with three flushed records, the first of which is damaged.
fn damaged() -> Folder {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 1)).unwrap();
    append(&open.log, &keyed(1, 0, 1, 2)).unwrap();
    open.log.flush().unwrap();
    open.manager.checkpoint().unwrap();
    drop(open);
    let path = folder.file("00000000000000000000.log");
    let mut bytes = fs::read(&path).unwrap();
    bytes[65] ^= 1;
    fs::write(path, bytes).unwrap();
    folder
}

fn is_marked(folder: &Folder) -> bool {
    folder.path().join(".kafka_cleanshutdown").exists()
}

#[test]
fn damage_stays_damage_over_clean_stops() {
    let folder = damaged();
    for _ in 0..3 {
        let manager = folder.manager();
        let error = manager.open_log(folder.partition()).unwrap_err();
        assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
        manager.open_log(OpenLog { topic: "other", ..folder.partition() }).unwrap();
        manager.close(-1).unwrap();
        assert!(!is_marked(&folder));
        assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n2\nother 0 0\nt 0 3\n");
    }
    // A repair leaves a log that a stop can vouch for again.
    let mut repair = repair::LogRepair::open(folder.path()).unwrap();
    let cut = repair.find("t", 0).unwrap().unwrap();
    repair.cut(&cut).unwrap();
    drop(repair);
    let manager = folder.manager();
    for topic in ["t", "other"] {
        manager.open_log(OpenLog { topic, ..folder.partition() }).unwrap();
    }
    manager.close(-1).unwrap();
    assert!(is_marked(&folder));
    // As can be a folder without it.
    let folder = damaged();
    let manager = folder.manager();
    manager.open_log(folder.partition()).unwrap_err();
    manager.delete_log("t", 0).unwrap();
    manager.close(-1).unwrap();
    assert!(is_marked(&folder));
}

#[test]
fn a_stop_vouches_for_no_log_that_was_not_opened_to_the_end() {
    let of_call = |call, path| tap::Fault::of(call, path, rustix::io::Errno::MFILE);
    for fault in
        [None, Some(of_call(tap::Call::Open, "t-0/")), Some(of_call(tap::Call::Open, "partition.metadata"))]
    {
        let folder = Folder::new(LogConfig::default());
        let open = folder.open();
        append(&open.log, &keyed(1, 0, 0, 3)).unwrap();
        open.close();
        fs::remove_file(folder.file("partition.metadata")).unwrap();
        let recorder = tap::Recorder::start(folder.path());
        let manager = folder.manager();
        manager.open_log(OpenLog { topic: "other", ..folder.partition() }).unwrap();
        if let Some(fault) = fault {
            recorder.fail(fault);
            let error = manager.open_log(folder.partition()).unwrap_err();
            assert!(error.may_pass(), "{error}");
            recorder.heal();
        }
        manager.close(-1).unwrap();
        assert!(!is_marked(&folder));
        assert!(matches!(manager.open_log(folder.partition()), Err(LogError::Closed)));
        drop(manager);
        let manager = folder.manager();
        assert!(!manager.was_clean_shutdown());
        assert_eq!(manager.open_log(folder.partition()).unwrap().log_end_offset(), 3);
        manager.open_log(OpenLog { topic: "other", ..folder.partition() }).unwrap();
        manager.close(-1).unwrap();
        assert!(is_marked(&folder));
    }
}

#[test]
fn a_folder_that_nothing_is_done_in_stays_as_the_last_stop_left_it() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 3)).unwrap();
    open.close();
    let before = text(&folder, ".kafka_cleanshutdown");
    drop(folder.manager());
    folder.manager().close(-1).unwrap();
    assert_eq!(text(&folder, ".kafka_cleanshutdown"), before);
    assert_eq!(text(&folder, "recovery-point-offset-checkpoint"), "0\n1\nt 0 3\n");
}

#[test]
fn a_log_that_another_folder_has_is_not_begun_here() {
    let folder = Folder::new(LogConfig::default());
    let manager = folder.manager();
    let open = |directory| {
        manager.open_log(OpenLog { origin: LogOrigin::Assigned(directory), ..folder.partition() })
    };
    // Another folder, and one that Apache Kafka calls lost.
    for elsewhere in [TopicId::from_u128(1 << 100), TopicId::from_u128(2)] {
        let error = open(elsewhere).unwrap_err();
        assert!(matches!(error, LogError::Elsewhere { directory, .. } if directory == elsewhere), "{error}");
        assert!(!folder.file("").exists());
    }
    // Here, not assigned, from before folders had ids; and what was moved here.
    for here in [manager.directory_id(), TopicId::from_u128(1), TopicId::NIL] {
        open(here).unwrap();
        manager.delete_log("t", 0).unwrap();
    }
    open(TopicId::NIL).unwrap();
    drop(manager);
    let manager = folder.manager();
    let moved = LogOrigin::Assigned(TopicId::from_u128(1 << 100));
    manager.open_log(OpenLog { origin: moved, ..folder.partition() }).unwrap();
}

#[test]
fn logs_without_an_identity_are_nobodys() {
    let folder = Folder::new(LogConfig::default());
    folder.open().close();
    fs::remove_file(folder.path().join("meta.properties")).unwrap();
    let error = LogManager::open(folder.path(), options(Durability::Os)).unwrap_err().to_string();
    assert!(error.contains("meta.properties") && error.contains("holds logs (t-0)"), "{error}");
    assert!(is_marked(&folder), "nothing was changed");
}

#[test]
fn what_a_shortage_keeps_from_being_deleted_is_deleted_later() {
    for durability in [Durability::Os, Durability::Group] {
        for call in [tap::Call::Open, tap::Call::Rename, tap::Call::Remove, tap::Call::Write] {
            let folder = Folder::new(LogConfig::default()).with_durability(durability);
            let recorder = tap::Recorder::start(folder.path());
            let open = folder.open();
            append(&open.log, &keyed(1, 0, 0, 5)).unwrap();
            open.log.delete_records_before(4).unwrap();
            open.manager.checkpoint().unwrap();
            recorder.fail(tap::Fault::of(call, "", rustix::io::Errno::NOSPC));
            let deleted = open.manager.delete_log("t", 0);
            let purged = open.manager.purge_deleted();
            assert!(deleted.is_err() || purged.is_err(), "{call:?}");
            recorder.heal();
            open.manager.tick(NOW);
            open.manager.purge_deleted().unwrap();
            let names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(
                !names.iter().any(|name| name.to_string_lossy().starts_with("t-0")),
                "{call:?}: {names:?}"
            );
            for file in ["recovery-point-offset-checkpoint", "log-start-offset-checkpoint"] {
                assert_eq!(text(&folder, file), "0\n0\n", "{call:?}");
            }
        }
    }
}

#[test]
fn the_next_log_of_a_name_waits_for_the_deletion_of_the_last() {
    let folder = Folder::new(LogConfig::default());
    let recorder = tap::Recorder::start(folder.path());
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 5)).unwrap();
    open.log.delete_records_before(4).unwrap();
    recorder.fail(tap::Fault::of(tap::Call::Open, "", rustix::io::Errno::MFILE));
    assert!(open.manager.delete_log("t", 0).unwrap_err().may_pass());
    let next = OpenLog { topic_id: TopicId::from_u128(43), origin: LogOrigin::New, ..folder.partition() };
    assert!(open.manager.open_log(next.clone()).unwrap_err().may_pass());
    recorder.heal();
    let log = open.manager.open_log(next.clone()).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, 0));
    append(&log, &keyed(2, 0, 0, 1)).unwrap();
    open.manager.tick(NOW);
    drop((log, open));
    assert_eq!(folder.manager().open_log(next).unwrap().log_end_offset(), 1);
}

#[test]
fn a_new_log_is_not_judged_by_what_a_crash_left_of_the_last() {
    let folder = Folder::new(LogConfig::default());
    folder.open().close();
    fs::remove_dir_all(folder.file("")).unwrap();
    for file in ["recovery-point", "replication", "log-start", "cleaner"] {
        let path = folder.path().join(format!("{file}-offset-checkpoint"));
        let offset = if file == "log-start" { 50 } else { 100 };
        fs::write(path, format!("0\n1\nt 0 {offset}\n")).unwrap();
    }
    let manager = folder.manager();
    assert!(manager.open_log(folder.partition()).is_err(), "what was there and flushed is missed");
    let log = manager.open_log(OpenLog { origin: LogOrigin::New, ..folder.partition() });
    assert!(matches!(log, Ok(log) if log.log_start_offset() == 0 && log.log_end_offset() == 0));
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

#[test]
fn a_log_without_a_record_is_told_from_everything_else() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    open.log.assign_epoch(kestrel_protocol::LeaderEpoch(3)).unwrap();
    let holds = || open.manager.holds_anything("t", 0).unwrap();
    assert!(!holds());
    for (name, text) in [
        ("00000000000000000000.log", "x"),
        ("00000000000000000007.snapshot", ""),
        ("00000000000000000000.log.swap", ""),
        ("00000000000000000000.log.61.cut", "x"),
        ("read.me", ""),
    ] {
        let before = fs::read(folder.file(name)).ok();
        fs::write(folder.file(name), text).unwrap();
        assert!(holds(), "{name}");
        match before {
            Some(before) => fs::write(folder.file(name), before).unwrap(),
            None => fs::remove_file(folder.file(name)).unwrap(),
        }
    }
    fs::create_dir(folder.file("inner")).unwrap();
    assert!(holds());
    assert!(!open.manager.holds_anything("t", 1).unwrap(), "there is no such folder");
}
