//! Formats that name a schema in a header, as Confluent's do: written by a serializer, waited for by a deserializer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kestrel_client::admin::NewTopic;
use kestrel_client::serde::{
    DeserializeContext, Deserializer, Part, Ready, SerdeContext, SerdeError, SerializeContext, Serializer,
};
use kestrel_client::{AssignedConsumer, AutoOffsetReset, Client, Error, Header, Utf8};
use kestrel_tests::{TestBroker, unique};

/// How long is waited for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands for a registry: schemas by id, each of which says whether a text is written backwards.
#[derive(Default)]
struct Registry {
    schemas: Mutex<BTreeMap<Bytes, (String, bool)>>,
}

/// Writes a text, and the id of its schema into a header.
struct Writer {
    registry: Arc<Registry>,
    is_backwards: bool,
}

/// Reads a text as the schema says whose id stands in the header; asks the registry once for each id.
#[derive(Clone)]
struct Reader {
    registry: Arc<Registry>,
    known: Arc<Mutex<BTreeMap<Bytes, bool>>>,
    fetched: Arc<Mutex<Vec<Bytes>>>,
}

const fn header_of(part: Part) -> &'static str {
    match part {
        Part::Key => "__key_schema_id",
        Part::Value => "__value_schema_id",
    }
}

impl Writer {
    fn id(&self, ctx: SerdeContext<'_>) -> Bytes {
        format!("\u{1}{}-{}/{}", ctx.topic, ctx.part, self.is_backwards).into()
    }
}

fn turned(text: &str, is_backwards: bool) -> String {
    if is_backwards { text.chars().rev().collect() } else { text.to_owned() }
}

impl Serializer<str> for Writer {
    fn ready<'a>(&'a self, ctx: SerdeContext<'a>) -> Ready<'a> {
        Ready::when(async move {
            tokio::task::yield_now().await;
            let subject = format!("{}-{}", ctx.topic, ctx.part);
            self.registry.schemas.lock().unwrap().insert(self.id(ctx), (subject, self.is_backwards));
            Ok(())
        })
    }

    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        text: &str,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let (name, id) = (header_of(ctx.part), self.id(**ctx));
        if ctx.header(name) != Some(&id[..]) {
            ctx.add_header(name, id);
        }
        out.extend_from_slice(turned(text, self.is_backwards).as_bytes());
        Ok(())
    }
}

impl Reader {
    fn new(registry: &Arc<Registry>) -> Self {
        Self { registry: registry.clone(), known: Arc::default(), fetched: Arc::default() }
    }

    fn id(ctx: &DeserializeContext<'_>) -> Option<Bytes> {
        ctx.header(header_of(ctx.part)).map(Bytes::copy_from_slice)
    }

    async fn fetch(&self, id: Bytes, ctx: DeserializeContext<'_>) -> Result<(), SerdeError> {
        self.fetched.lock().unwrap().push(id.clone());
        tokio::task::yield_now().await;
        let found = self.registry.schemas.lock().unwrap().get(&id).cloned();
        let (subject, is_backwards) = found.ok_or_else(|| SerdeError::decode(&ctx, "no such schema"))?;
        assert_eq!(subject, format!("{}-{}", ctx.topic, ctx.part));
        self.known.lock().unwrap().insert(id, is_backwards);
        Ok(())
    }
}

impl Deserializer<String> for Reader {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, _: &'a Bytes) -> Ready<'a> {
        match Self::id(&ctx) {
            Some(id) if !self.known.lock().unwrap().contains_key(&id) => Ready::when(self.fetch(id, ctx)),
            _ => Ready::now(),
        }
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<String, SerdeError> {
        let id = Self::id(ctx).ok_or_else(|| SerdeError::decode(ctx, "no schema"))?;
        let is_backwards = self.known.lock().unwrap().get(&id).copied().expect("it was made ready");
        let text = std::str::from_utf8(bytes).map_err(|cause| SerdeError::decode(ctx, cause))?;
        Ok(turned(text, is_backwards))
    }
}

async fn reader(client: &Client, topic: &str, format: &Reader) -> AssignedConsumer<String, String> {
    let builder = client.assigned_consumer().assign_topics([topic]).key(format.clone()).value(format.clone());
    builder.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap()
}

/// Writes six records, every other one by a schema that writes backwards, and one that comes with its header.
async fn write(client: &Client, topic: &str, registry: &Arc<Registry>) {
    client.admin().create_topics([NewTopic::new(topic)]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let writer = |is_backwards| Writer { registry: registry.clone(), is_backwards };
    let plain = producer.topic(topic).key(writer(false)).value(writer(false)).open().await.unwrap();
    let backwards = producer.topic(topic).key(writer(true)).value(writer(true)).open().await.unwrap();
    for number in 0..6 {
        let typed = if number % 2 == 0 { &plain } else { &backwards };
        let (key, value) = (format!("k{number}"), format!("v{number}"));
        drop(typed.record(&key, &value).header("given", b"first").send().await.unwrap());
    }
    let id = writer(false).id(SerdeContext::value(topic));
    let passed_on = Header { key: header_of(Part::Value).into(), value: Some(id) };
    plain.record("k6", "v6").headers([passed_on]).send().await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_schemas_id_goes_into_a_header_and_is_asked_for_once() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, registry) = (unique("schemas"), Arc::new(Registry::default()));
    write(&client, &topic, &registry).await;
    // One by one, and in batches.
    let format = Reader::new(&registry);
    let mut consumer = reader(&client, &topic, &format).await;
    for number in 0..7 {
        let record = consumer.next().await.unwrap().unwrap();
        assert_eq!(record.key.unwrap(), format!("k{number}"));
        assert_eq!(record.value.unwrap(), format!("v{number}"));
        let names: Vec<_> = record.headers.iter().map(|(name, _)| name.to_owned()).collect();
        let added = ["__key_schema_id", "__value_schema_id"];
        let expected =
            if number == 6 { [added[1], added[0]].to_vec() } else { ["given", added[0], added[1]].to_vec() };
        assert_eq!(names, expected);
    }
    let fetched = format.fetched.lock().unwrap().clone();
    assert_eq!((fetched.len(), fetched.into_iter().collect::<BTreeSet<_>>().len()), (4, 4));

    let format = Reader::new(&registry);
    let mut consumer = reader(&client, &topic, &format).await;
    let mut values = Vec::new();
    while values.len() < 7 {
        let batch = consumer.next_batch().await.unwrap().unwrap();
        values.extend(batch.records().map(|record| record.value().unwrap().unwrap()));
    }
    assert_eq!(values, ["v0", "v1", "v2", "v3", "v4", "v5", "v6"]);
    assert_eq!(format.fetched.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_record_whose_schema_is_not_there_is_a_poison_pill() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, registry) = (unique("schemas"), Arc::new(Registry::default()));
    write(&client, &topic, &registry).await;
    registry.schemas.lock().unwrap().retain(|_, (_, is_backwards)| !*is_backwards);
    let mut consumer = reader(&client, &topic, &Reader::new(&registry)).await;
    for number in 0..7 {
        match consumer.next().await.unwrap() {
            Ok(record) => assert_eq!((number % 2, record.value.unwrap()), (0, format!("v{number}"))),
            Err(Error::Deserialize(poison)) => assert_eq!((number % 2, poison.record.offset), (1, number)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes how often it was made ready, as one whose schema grows old.
struct Renewed(AtomicUsize);

impl Serializer<str> for Renewed {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, _: SerdeContext<'a>) -> Ready<'a> {
        Ready::when(async move {
            tokio::task::yield_now().await;
            match self.0.fetch_add(1, Ordering::Relaxed) {
                4 => Err(SerdeError::unavailable("the registry does not answer")),
                _ => Ok(()),
            }
        })
    }

    fn serialize(&self, _: &mut SerializeContext<'_>, _: &str, out: &mut BytesMut) -> Result<(), SerdeError> {
        out.extend_from_slice(self.0.load(Ordering::Relaxed).to_string().as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn a_schema_that_grows_old_is_asked_for_before_each_record_that_may_wait() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("renewed");
    client.admin().create_topics([NewTopic::new(&topic)]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let renewed = Arc::new(Renewed(AtomicUsize::new(0)));
    let typed = producer.topic::<str, str>(&topic).key(Utf8).value(renewed).open().await.unwrap();
    drop(typed.send("k", "").await.unwrap());
    drop(typed.send_unkeyed("").await.unwrap());
    drop(typed.record("k", "").send().await.unwrap());
    let error = typed.send("k", "").await.unwrap_err();
    assert!(matches!(error, Error::Serialize(cause) if cause.is_retriable()));
    typed.try_send("k", "").unwrap().await.unwrap();
    let mut consumer =
        client.assigned_consumer::<String, String>().assign_topics([&topic]).key(Utf8).value(Utf8);
    consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await.unwrap();
    for written in ["2", "3", "4", "5"] {
        assert_eq!(consumer.next().await.unwrap().unwrap().value.as_deref(), Some(written));
    }
}

/// Gets ready never, as with a registry that takes every connection and answers nothing.
struct Never;

impl Serializer<str> for Never {
    fn ready<'a>(&'a self, _: SerdeContext<'a>) -> Ready<'a> {
        Ready::when(std::future::pending())
    }

    fn serialize(&self, _: &mut SerializeContext<'_>, _: &str, _: &mut BytesMut) -> Result<(), SerdeError> {
        unreachable!("it is never ready")
    }
}

impl Deserializer<String> for Never {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, _: DeserializeContext<'a>, _: &'a Bytes) -> Ready<'a> {
        Ready::when(std::future::pending())
    }

    fn deserialize(&self, _: &DeserializeContext<'_>, _: &Bytes) -> Result<String, SerdeError> {
        unreachable!("it is never ready")
    }
}

#[tokio::test]
async fn a_format_that_never_gets_ready_is_not_waited_for_without_end() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("never");
    client.admin().create_topics([NewTopic::new(&topic)]).await.into_result().unwrap();
    let producer = client.producer().max_block(Duration::from_secs(5)).build().await.unwrap();
    let opened = producer.topic::<str, str>(&topic).key(Utf8).value(Never).open();
    let error = tokio::time::timeout(PATIENCE, opened).await.unwrap().unwrap_err();
    assert!(error.is_retriable() && error.to_string().contains("max.block.ms"), "{error:#}");

    let producer = client.producer().build().await.unwrap();
    let typed = producer.topic::<str, str>(&topic).key(Utf8).value(Utf8).open().await.unwrap();
    typed.send("k", "v").await.unwrap().await.unwrap();
    let builder =
        client.assigned_consumer::<String, String>().assign([(topic.as_str(), 0)]).key(Utf8).value(Never);
    let builder = builder.auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = builder.default_api_timeout(Duration::from_secs(5)).build().await.unwrap();
    for _ in 0..2 {
        let error = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(&error, Error::Held(held) if held.offset == 0) && error.is_retriable(), "{error:#}");
        assert!(format!("{error:#}").contains("default.api.timeout.ms"), "{error:#}");
    }
}

/// Written in a prefix: what a header said of the record before it was passed on is true no more.
struct Prefixed;

impl Serializer<str> for Prefixed {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        text: &str,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        ctx.remove_header(header_of(ctx.part));
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn a_serializer_takes_headers_away_that_are_true_no_more() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("passed-on");
    client.admin().create_topics([NewTopic::new(&topic)]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let typed = producer.topic::<str, str>(&topic).key(Utf8).value(Prefixed).open().await.unwrap();
    let record = typed.record("k", "v").header("trace", "7").header("__value_schema_id", "old");
    record.header("__key_schema_id", "of the key").send().await.unwrap().await.unwrap();
    let builder = client.assigned_consumer::<String, String>().assign_topics([&topic]).key(Utf8).value(Utf8);
    let mut consumer = builder.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    let read = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    let names: Vec<_> = read.headers.as_slice().iter().map(|header| header.key.to_string()).collect();
    assert_eq!(names, ["trace", "__key_schema_id"]);
}
