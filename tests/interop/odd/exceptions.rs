//! Where kestrel-broker answers otherwise than Apache Kafka 4.3 and is meant to, and why.

/// Apache Kafka meets an error that nobody thought of.
const STUMBLES: &str = "Apache Kafka answers UNKNOWN_SERVER_ERROR, as it stumbles over the number";
/// Producers take CORRUPT_MESSAGE for damage on the way and send the same bytes until their delivery timeout (decision 0014).
const NOT_CORRUPT: &str = "CORRUPT_MESSAGE would have producers send the same bytes again and again";
/// Each mention is answered by itself.
const EACH_MENTION: &str = "each mention is answered; Apache Kafka keeps one of them";
/// What is not there is not advertised.
const NOT_THERE: &str = "kestrel-broker has no configuration of this kind of resource yet";
/// The cluster-wide keys of KIP-226 that Kestrel does not apply while it runs.
const NOT_DYNAMIC: &str = "kestrel-broker does not apply a new value while it runs, and says so";

/// Cases, and the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    ("Produce: message format 3", NOT_CORRUPT),
    ("Produce: records that are none", NOT_CORRUPT),
    ("Fetch: max_bytes -1", STUMBLES),
    ("Fetch: partition_max_bytes -1", STUMBLES),
    ("Fetch: an isolation level that is none", STUMBLES),
    ("Fetch: a partition twice", EACH_MENTION),
    ("ListOffsets: a topic twice", EACH_MENTION),
    ("ListOffsets: isolation 7", STUMBLES),
    ("ListOffsets: isolation -1", STUMBLES),
    (
        "Metadata: neither name nor id",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR in versions that may say neither",
    ),
    ("DeleteRecords: a topic twice", EACH_MENTION),
    (
        "DescribeTopicPartitions: a topic of no name",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR, as it stumbles over the name",
    ),
    (
        "CreateTopics: a name that collides",
        "two names that collide in one request are refused as two that come one by one",
    ),
    (
        "CreatePartitions: 20,000",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR, as its batch of records becomes too large",
    ),
    ("DescribeConfigs: a group", NOT_THERE),
    ("DescribeConfigs: a key that was said and is not acted on", NOT_DYNAMIC),
    ("DescribeConfigs: a key of another area", NOT_DYNAMIC),
    ("IncrementalAlterConfigs: operation 9", STUMBLES),
    ("IncrementalAlterConfigs: operation -1", STUMBLES),
    (
        "IncrementalAlterConfigs: an unknown key of a broker",
        "a key that nobody reads is a mistake; Apache Kafka keeps it for plugins",
    ),
    (
        "AlterConfigs: an unknown key of a broker",
        "a key that nobody reads is a mistake; Apache Kafka keeps it for plugins",
    ),
    (
        "ListConfigResources: loggers",
        "the levels of a broker's loggers are nothing that can be read or set here",
    ),
    ("CreateAcls: any resource type", STUMBLES),
    ("CreateAcls: a pattern of filters", STUMBLES),
    ("CreateAcls: any operation", STUMBLES),
    ("CreateAcls: any permission", STUMBLES),
    (
        "AlterUserScramCredentials: a password of no bytes",
        "Apache Kafka answers UNKNOWN_SERVER_ERROR, as it stumbles over the key that is made of it",
    ),
    (
        "UpdateFeatures: a group's version",
        "kestrel-broker has no groups of the newer protocol (KIP-848), and so no level of theirs",
    ),
    (
        "UpdateFeatures: another quorum",
        "the voters of kestrel-broker are static and stay so: there is no address for controllers to write down",
    ),
    (
        "AlterConfigs: all brokers",
        "the folder of kestrel-broker has no eligible leader replicas, so that min.insync.replicas may be reset",
    ),
];
