//! A lock in a folder of its own, and a registry that is a table.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use kestrel_schema::lock::Standing;
use kestrel_schema::{Guid, Level, Reference, Schema};

use super::{SchemaLock, SchemaLockError, check_registry};
use crate::registry::{RegisteredSchema, RegistryAnswer, RegistryError, RegistryErrorKind, SchemaRegistry};

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("kestrel-lock-{}-{count}", std::process::id())))
    }

    fn lock(&self, accepts: bool) -> SchemaLock {
        SchemaLock::open(&self.0).accepting(accepts)
    }

    fn files(&self) -> Vec<String> {
        let mut found = files(&self.0);
        found.sort();
        found.iter().map(|path| path.strip_prefix(&self.0).unwrap().display().to_string()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>());
    entries
        .unwrap_or_default()
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn order(fields: &str) -> Schema {
    Schema::avro(format!(r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#))
}

const ID: &str = r#"{"name": "id", "type": "string"}"#;
const TOTAL: &str = r#"{"name": "id", "type": "string"}, {"name": "total", "type": "long"}"#;
const TOTAL_OR_NONE: &str =
    r#"{"name": "id", "type": "string"}, {"name": "total", "type": "long", "default": 0}"#;

#[test]
fn versions_are_added_when_they_may_be_and_break_nothing() {
    let scratch = Scratch::new();
    let refused = scratch.lock(false).check("orders-value", Level::Full, &order(ID)).unwrap_err();
    assert!(matches!(refused, SchemaLockError::NotRecorded { version: 1, .. }));
    assert!(scratch.files().is_empty());

    for (expected, fields) in
        [(Standing::New(1), ID), (Standing::Recorded(1), ID), (Standing::New(2), TOTAL_OR_NONE)]
    {
        assert_eq!(scratch.lock(true).check("orders-value", Level::Full, &order(fields)).unwrap(), expected);
    }
    assert_eq!(scratch.files(), ["orders-value/1.avsc", "orders-value/2.avsc"]);
    let standing = scratch.lock(false).check("orders-value", Level::Full, &order(TOTAL_OR_NONE)).unwrap();
    assert_eq!(standing, Standing::Recorded(2));
}

#[test]
fn what_breaks_is_not_added_and_its_field_is_named() {
    let scratch = Scratch::new();
    scratch.lock(true).assert("orders-value", Level::Backward, &order(ID));
    let broken = scratch.lock(true).check("orders-value", Level::Backward, &order(TOTAL)).unwrap_err();
    assert_eq!(
        format!("{broken:?}"),
        "the schema of orders-value: BACKWARD is broken with version 1:\n  the new schema cannot read data of version 1: \
         field total of Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1)"
    );
    assert_eq!(scratch.files(), ["orders-value/1.avsc"]);
}

#[test]
#[should_panic(expected = "field total of Order: it was not written, and has no default")]
fn a_test_fails_with_the_field() {
    let scratch = Scratch::new();
    scratch.lock(true).assert("orders-value", Level::Full, &order(ID));
    scratch.lock(false).assert("orders-value", Level::Full, &order(TOTAL));
}

#[test]
fn files_are_for_people_and_may_be_edited_by_them() {
    let scratch = Scratch::new();
    scratch.lock(true).assert(
        ":.eu:orders-value",
        Level::Full,
        &order(&format!("{TOTAL_OR_NONE}, {}", r#"{"name": "note", "type": "string"}"#)),
    );
    assert_eq!(scratch.files(), ["%3A.eu%3Aorders-value/1.avsc"]);
    let path = scratch.0.join("%3A.eu%3Aorders-value/1.avsc");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().nth(4), Some(r#"    {"name": "id", "type": "string"},"#), "{text}");
    fs::write(&path, text.replace('\n', " ")).unwrap();
    fs::write(scratch.0.join("%3A.eu%3Aorders-value/README.md"), "ours").unwrap();
    let same = order(&format!("{TOTAL_OR_NONE}, {}", r#"{"name": "note", "type": "string"}"#));
    assert_eq!(
        scratch.lock(false).check(":.eu:orders-value", Level::Full, &same).unwrap(),
        Standing::Recorded(1)
    );
}

/// The schema of a struct, without a word about it but the struct.
#[cfg(feature = "avro")]
#[test]
fn a_struct_that_changes_is_checked() {
    mod first {
        #[derive(apache_avro::AvroSchema)]
        #[expect(dead_code, reason = "its schema alone counts")]
        pub(super) struct Order {
            id: String,
            total: i64,
        }
    }
    mod second {
        #[derive(apache_avro::AvroSchema)]
        #[expect(dead_code, reason = "its schema alone counts")]
        pub(super) struct Order {
            id: String,
            total: i32,
            #[avro(default = "\"EUR\"")]
            currency: String,
        }
    }
    let scratch = Scratch::new();
    scratch.lock(true).assert("orders-value", Level::Full, &crate::Avro::of::<first::Order>().unwrap());
    scratch.lock(false).assert("orders-value", Level::Full, &crate::Avro::of::<first::Order>().unwrap());
    let changed = crate::Avro::of::<second::Order>().unwrap();
    let broken = scratch.lock(true).check("orders-value", Level::Full, &changed).unwrap_err().to_string();
    assert!(broken.contains("field total of Order: long cannot be read as int"), "{broken}");
    assert!(!broken.contains("currency"), "{broken}");
}

/// Files of Protobuf are texts as they are, comments included.
#[cfg(feature = "protobuf")]
#[test]
fn protobuf_is_checked_as_text() {
    let message = |fields: &str| {
        Schema::protobuf(format!(
            "syntax = \"proto3\";\npackage shop;\n\n// An order.\nmessage Order {{\n{fields}}}\n"
        ))
    };
    let scratch = Scratch::new();
    let first = message("  int64 total = 1;\n");
    scratch.lock(true).assert("orders-value", Level::Full, &first);
    scratch.lock(true).assert(
        "orders-value",
        Level::Full,
        &message("  int64 total = 1;\n  string currency = 2;\n"),
    );
    assert_eq!(scratch.files(), ["orders-value/1.proto", "orders-value/2.proto"]);
    assert_eq!(fs::read_to_string(scratch.0.join("orders-value/1.proto")).unwrap(), first.text);
    let broken =
        scratch.lock(true).check("orders-value", Level::Full, &message("  string total = 1;\n")).unwrap_err();
    assert!(broken.to_string().contains("FULL is broken with version 2"), "{broken}");
}

#[test]
fn what_is_referred_to_is_found_in_the_lock() {
    let scratch = Scratch::new();
    let reference = Reference { name: "Order".into(), subject: "order".into(), version: 1 };
    let orders = Schema::avro(r#"{"type": "array", "items": "Order"}"#).with_references([reference.clone()]);
    let missing = scratch.lock(true).check("orders", Level::Full, &orders).unwrap_err();
    assert!(matches!(missing, SchemaLockError::NoReference(found) if found == reference));

    scratch.lock(true).assert("order", Level::Full, &order(ID));
    scratch.lock(true).assert("orders", Level::Full, &orders);
    assert_eq!(scratch.files(), ["order/1.avsc", "orders/1.avsc", "orders/1.references.json"]);
    scratch.lock(false).assert("orders", Level::Full, &orders);
}

#[test]
fn many_may_add_at_once() {
    let scratch = Scratch::new();
    let schemas = [r#""int""#, r#""long""#, r#""float""#, r#""double""#];
    std::thread::scope(|scope| {
        for _ in 0..16 {
            for text in schemas {
                let scratch = &scratch;
                scope.spawn(move || {
                    scratch.lock(true).check("numbers", Level::None, &Schema::avro(text)).unwrap()
                });
            }
        }
    });
    // Each at least once: one that was there before the last one may be added no second time.
    assert_eq!(scratch.files(), ["numbers/1.avsc", "numbers/2.avsc", "numbers/3.avsc", "numbers/4.avsc"]);
}

/// A registry with these versions of one subject.
#[derive(Debug)]
struct Table(Vec<Schema>);

impl Table {
    fn answer(&self, number: usize) -> RegistryAnswer<'_> {
        let version = i32::try_from(number).unwrap();
        let schema = number.checked_sub(1).and_then(|index| self.0.get(index)).cloned();
        let found = schema.map(|schema| RegisteredSchema::new(schema).with_version("orders-value", version));
        async move { found.ok_or_else(|| RegistryError::new(RegistryErrorKind::NotFound, "not there")) }
            .boxed()
    }
}

impl SchemaRegistry for Table {
    fn register<'a>(&'a self, _: &'a str, _: &'a Schema, _: bool) -> RegistryAnswer<'a> {
        panic!("nothing is registered by a check")
    }

    fn look_up<'a>(&'a self, _: &'a str, _: &'a Schema, _: bool) -> RegistryAnswer<'a> {
        self.answer(0)
    }

    fn latest<'a>(&'a self, _: &'a str) -> RegistryAnswer<'a> {
        self.answer(self.0.len())
    }

    fn version<'a>(&'a self, _: &'a str, version: i32) -> RegistryAnswer<'a> {
        self.answer(usize::try_from(version).unwrap())
    }

    fn by_id<'a>(&'a self, _: i32, _: Option<&'a str>) -> RegistryAnswer<'a> {
        self.answer(0)
    }

    fn by_guid(&self, _: Guid) -> RegistryAnswer<'_> {
        self.answer(0)
    }
}

#[test]
fn a_registry_stands_for_the_folder() {
    let check = |versions: &[&str], level, new: &str| {
        let table = Table(versions.iter().map(|fields| order(fields)).collect());
        check_registry(&table, "orders-value", level, &order(new))
            .now_or_never()
            .expect("the table has its answers")
    };
    assert_eq!(check(&[], Level::Full, ID).unwrap(), Standing::New(1));
    assert_eq!(check(&[ID, TOTAL_OR_NONE], Level::Full, TOTAL_OR_NONE).unwrap(), Standing::Recorded(2));
    assert_eq!(check(&[ID, TOTAL_OR_NONE], Level::Backward, TOTAL).unwrap(), Standing::New(3));
    let broken = check(&[ID, TOTAL_OR_NONE], Level::BackwardTransitive, TOTAL).unwrap_err();
    assert!(broken.to_string().contains("broken with version 1"), "{broken}");
}
