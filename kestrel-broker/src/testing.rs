//! For tests of handlers: a broker in this process and a peer that speaks to it over TCP, typed or byte by byte.

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use kestrel_protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kestrel_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kestrel_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{ErrorCode, Request, TopicId, decode_response, encode_request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Broker;

/// A stream to a broker, with TLS or without.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// One connection to a broker.
pub(crate) struct Peer {
    stream: Box<dyn Wire>,
    next_id: i32,
}

impl Peer {
    /// Connects.
    pub(crate) async fn of(broker: &Broker) -> Self {
        Self::at(broker.bootstrap_servers()).await
    }

    /// Connects to an address.
    pub(crate) async fn at(address: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// Speaks over a stream that is connected.
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self { stream: Box::new(stream), next_id: 0 }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.send(request, version).await;
        self.receive::<R>(version).await.expect("an answer and not the end of the connection")
    }

    /// As [`Self::call`]; `None` when the broker closes the connection instead of answering.
    pub(crate) async fn try_call<R: Request>(&mut self, request: &R, version: i16) -> Option<R::Response> {
        self.next_id += 1;
        let frame = encode_request(request, version, self.next_id, Some("tester".into())).unwrap().concat();
        self.stream.write_all(&frame).await.ok()?;
        self.receive::<R>(version).await
    }

    /// Sends a request only.
    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) {
        self.next_id += 1;
        let frame = encode_request(request, version, self.next_id, Some("tester".into())).unwrap().concat();
        self.send_bytes(&frame).await;
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads an answer; `None` when the broker closed the connection.
    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> Option<R::Response> {
        let frame = self.receive_frame().await?;
        Some(decode_response::<R>(frame, version).expect("an answer of the request's kind and version"))
    }

    /// Reads the bytes of an answer without its length; `None` when the broker closed the connection.
    pub(crate) async fn receive_frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_u32().await.ok()?;
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.into())
    }

    /// Creates a topic with default settings by asking for it; gives its id.
    pub(crate) async fn create_topic(&mut self, name: &str) -> TopicId {
        let topic = MetadataRequestTopic { name: Some(name.to_owned().into()), ..Default::default() };
        let response =
            self.call(&MetadataRequest { topics: Some(vec![topic]), ..Default::default() }, 12).await;
        response.topics[0].topic_id
    }

    /// Asks for the metadata of a topic without creating it.
    pub(crate) async fn describe(&mut self, name: &str) -> MetadataResponse {
        let topic = MetadataRequestTopic { name: Some(name.to_owned().into()), ..Default::default() };
        let topics = Some(vec![topic]);
        self.call(&MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }, 12)
            .await
    }

    /// Sends records to partition 0 of a topic with acks=all.
    pub(crate) async fn produce(&mut self, topic: &str, records: Bytes) -> PartitionProduceResponse {
        let response = self.call(&produce_request(topic, records), 12).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Reads partition 0 of a topic from an offset on, without waiting.
    pub(crate) async fn fetch(&mut self, topic: &str, fetch_offset: i64) -> PartitionData {
        let response = self.call(&fetch_request(topic, fetch_offset), 12).await;
        response.responses[0].partitions[0].clone()
    }
}

/// A Produce request with acks=all for partition 0 of a topic, versions 3 to 12.
pub(crate) fn produce_request(topic: &str, records: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData { index: 0, records: Some(records) };
    let name = ByteString::from(topic.to_owned());
    let topic = TopicProduceData { name, partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

/// A Fetch request for partition 0 of a topic that does not wait, versions 4 to 12.
pub(crate) fn fetch_request(topic: &str, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic =
        FetchTopic { topic: topic.to_owned().into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { min_bytes: 1, max_bytes: 1 << 20, topics: vec![topic], ..Default::default() }
}

/// The time of the first record that [`batch`] builds; the next ones follow by a millisecond each.
pub(crate) const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;

/// A batch of records with these values and without keys.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    stamped_batch(values, ProducerStamp::NONE)
}

/// A batch of records with these values, from an idempotent producer.
pub(crate) fn stamped_batch(values: &[&str], stamp: ProducerStamp) -> Bytes {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1 << 20);
    for (timestamp, value) in (FIRST_TIMESTAMP..).zip(values) {
        builder.append(timestamp, None, Some(value.as_bytes()), []).unwrap();
    }
    builder.build(stamp).into_bytes()
}

/// A member of a group with one protocol that nobody looks into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: ByteString,
    pub(crate) generation: i32,
}

/// A JoinGroup request of a consumer with one protocol.
pub(crate) fn join_request(group: &str, member_id: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"opaque") };
    JoinGroupRequest {
        group_id: group.into(),
        member_id: member_id.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

/// A SyncGroup request that gives its sender everything.
pub(crate) fn sync_request(group: &str, member: &Member) -> SyncGroupRequest {
    let assignment = SyncGroupRequestAssignment {
        member_id: member.id.clone(),
        assignment: Bytes::from_static(b"everything"),
    };
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: member.generation,
        member_id: member.id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: vec![assignment],
        ..Default::default()
    }
}

/// An OffsetCommit request for partition 0 of a topic, versions 2 to 9; without a member, from outside of the group.
pub(crate) fn commit_request(
    group: &str,
    member: Option<&Member>,
    topic: &str,
    offset: i64,
) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_metadata: Some("noted".into()),
        ..Default::default()
    };
    let topic =
        OffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: member.map_or(-1, |member| member.generation),
        member_id: member.map(|member| member.id.clone()).unwrap_or_default(),
        topics: vec![topic],
        ..Default::default()
    }
}

impl Peer {
    /// Finds the coordinator, which makes the topic of the groups.
    pub(crate) async fn find_coordinator(&mut self, group: &str) -> FindCoordinatorResponse {
        self.call(&FindCoordinatorRequest { key: group.into(), ..Default::default() }, 2).await
    }

    /// Finds the coordinator of a transactional id, which makes the topic of transactions.
    pub(crate) async fn find_transaction_coordinator(&mut self, transactional_id: &str) {
        let request =
            FindCoordinatorRequest { key: transactional_id.into(), key_type: 1, ..Default::default() };
        assert_eq!(self.call(&request, 2).await.error_code, ErrorCode::None);
    }

    /// Joins a group as its only member and takes everything.
    pub(crate) async fn join_alone(&mut self, group: &str) -> Member {
        self.find_coordinator(group).await;
        let joined = self.call(&join_request(group, ""), 3).await;
        assert_eq!(joined.error_code, ErrorCode::None);
        let member = Member { id: joined.member_id, generation: joined.generation_id };
        let synced = self.call(&sync_request(group, &member), 5).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::None, &b"everything"[..]));
        member
    }

    /// Commits an offset for partition 0 of a topic.
    pub(crate) async fn commit(
        &mut self,
        group: &str,
        member: Option<&Member>,
        topic: &str,
        offset: i64,
    ) -> ErrorCode {
        let response = self.call(&commit_request(group, member, topic, offset), 8).await;
        response.topics[0].partitions[0].error_code
    }

    /// The offset that a group has for partition 0 of a topic; asks again while groups are being loaded.
    pub(crate) async fn committed(&mut self, group: &str, topic: &str) -> i64 {
        let topics = vec![OffsetFetchRequestTopic { name: topic.into(), partition_indexes: vec![0] }];
        let request =
            OffsetFetchRequest { group_id: group.into(), topics: Some(topics), ..Default::default() };
        loop {
            let response = self.call(&request, 7).await;
            if response.error_code != ErrorCode::CoordinatorLoadInProgress {
                assert_eq!(response.error_code, ErrorCode::None);
                return response.topics[0].partitions[0].committed_offset;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// An issuer of tokens of OAUTHBEARER with a key of its own.
#[cfg(feature = "oauthbearer")]
pub(crate) struct Issuer {
    pair: ring::signature::EcdsaKeyPair,
    key_id: String,
}

#[cfg(feature = "oauthbearer")]
impl Issuer {
    /// An issuer whose key has a name.
    pub(crate) fn new(key_id: &str) -> Self {
        use ring::rand::SystemRandom;
        use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair};
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ES256, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ES256, key.as_ref(), &random).unwrap();
        Self { pair, key_id: key_id.to_owned() }
    }

    /// Its key as a JWKS document.
    pub(crate) fn jwks(&self) -> String {
        use ring::signature::KeyPair;
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y, id) = (base64_url(x), base64_url(y), &self.key_id);
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#)
    }

    /// A token of `subject` that is valid between two times, in seconds.
    pub(crate) fn token(&self, subject: &str, begin: i64, end: i64) -> String {
        let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.key_id);
        let claims = format!(r#"{{"sub":"{subject}","iat":{begin},"exp":{end}}}"#);
        let signed = format!("{}.{}", base64_url(header), base64_url(claims));
        let signature = self.pair.sign(&ring::rand::SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64_url(signature.as_ref()))
    }
}

#[cfg(feature = "oauthbearer")]
fn base64_url(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
