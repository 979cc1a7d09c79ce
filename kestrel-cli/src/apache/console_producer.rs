//! `kafka-console-producer`, as a command line of `kestrel produce`.

use clap::Parser;

use super::common::Common;
use super::{ConsoleTool, options, own_words};
use crate::values::key_and_value;

/// Records from standard input, by the options of Apache Kafka's kafka-console-producer.
#[derive(Debug, Parser)]
pub(super) struct KafkaConsoleProducer {
    #[command(flatten)]
    common: Common,
    /// The topic
    #[arg(long, value_name = "TOPIC", allow_hyphen_values = true)]
    topic: String,
    /// How lines are read: parse.key=true, key.separator=TEXT, null.marker=TEXT; may be given many times
    #[arg(long, visible_alias = "reader-property", value_name = "KEY=VALUE", value_parser = key_and_value)]
    property: Vec<(String, String)>,
    /// How batches are compressed: none, gzip, snappy, lz4 or zstd
    #[arg(long, value_name = "CODEC", num_args = 0..=1, default_missing_value = "gzip")]
    compression_codec: Option<String>,
    /// Who has to have a record before it counts as stored: all, which -1 is too, 1 or 0
    #[arg(long, value_name = "ACKS", allow_hyphen_values = true)]
    request_required_acks: Option<String>,
    /// How many bytes a batch has at most
    #[arg(long, value_name = "BYTES")]
    batch_size: Option<u64>,
    /// How long a record waits for others, in milliseconds
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    /// A property of the client; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    producer_property: Vec<(String, String)>,
    /// Properties of the client
    #[arg(long = "producer.config", value_name = "FILE")]
    producer_config: Option<String>,
}

impl ConsoleTool for KafkaConsoleProducer {
    fn words(mut self) -> Result<Vec<String>, String> {
        let lines = Lines::read(&self.property)?;
        let mut set = |key: &str, value: Option<u64>| {
            self.producer_property.extend(value.map(|value| (key.to_owned(), value.to_string())));
        };
        set("batch.size", self.batch_size);
        set("linger.ms", self.timeout);
        let mut words = own_words("produce", &self.common, self.producer_config, &self.producer_property);
        words.extend(options([
            ("--key-separator", lines.separator),
            ("--null", lines.null),
            ("--compression", self.compression_codec),
            ("--acks", self.request_required_acks),
            ("--topic", Some(self.topic)),
        ]));
        Ok(words)
    }
}

/// How lines are read.
struct Lines {
    /// What is between key and value, where there are keys.
    separator: Option<String>,
    null: Option<String>,
}

impl Lines {
    fn read(properties: &[(String, String)]) -> Result<Self, String> {
        let (mut has_key, mut separator, mut null) = (false, "\t".to_owned(), None);
        for (key, value) in properties {
            match &**key {
                "parse.key" => has_key = value == "true",
                "key.separator" => separator.clone_from(value),
                "null.marker" => null = Some(value.clone()),
                key => {
                    return Err(format!(
                        "the property {key} is not understood here: headers are said by `kestrel produce --header` or in lines of JSON"
                    ));
                }
            }
        }
        Ok(Self { separator: has_key.then_some(separator), null })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{console_words, translated};

    #[test]
    fn lines_are_read_as_apache_kafkas_tool_does() {
        let line = "kafka-console-producer --bootstrap-server a:1 --topic t --property parse.key=true --property key.separator=: \
                    --request-required-acks -1 --compression-codec zstd --batch-size 100";
        let expected = "--bootstrap=a:1 --set=batch.size=100 produce --key-separator=: --compression=zstd --acks=-1 --topic=t";
        assert_eq!(console_words(line).unwrap(), expected);
        assert_eq!(console_words("kafka-console-producer --topic t").unwrap(), "produce --topic=t");
        assert!(console_words("kafka-console-producer --topic t --property parse.headers=true").is_err());
    }

    #[test]
    fn every_acknowledgement_of_apache_kafkas_tool_is_understood() {
        for (acks, ours) in [("-1", "All"), ("all", "All"), ("1", "Leader"), ("0", "None")] {
            let line = format!("kafka-console-producer --topic t --request-required-acks {acks}");
            let translated = translated(&line).unwrap();
            assert!(translated.contains(&format!("acks: {ours}")), "{acks}: {translated}");
        }
        assert!(translated("kafka-console-producer --topic t --request-required-acks -2").is_err());
    }

    #[test]
    fn what_begins_with_a_hyphen_is_a_value_too() {
        let line = "kafka-console-producer --topic -t --property parse.key=true --property key.separator=-- --property null.marker=-";
        let translated = translated(line).unwrap();
        for part in ["\"-t\"", "\"--\"", "\"-\""] {
            assert!(translated.contains(part), "{part}: {translated}");
        }
    }
}
