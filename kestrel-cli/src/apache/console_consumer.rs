//! `kafka-console-consumer`, as a command line of `kestrel consume`.

use clap::Parser;

use super::common::Common;
use super::{ConsoleTool, options, own_words};
use crate::values::key_and_value;

/// What each record is written by, before it is said otherwise.
const PARTS: [(&str, bool); 6] = [
    ("print.timestamp", false),
    ("print.partition", false),
    ("print.offset", false),
    ("print.headers", false),
    ("print.key", false),
    ("print.value", true),
];

/// Records of topics, by the options of Apache Kafka's kafka-console-consumer.
#[derive(Debug, Parser)]
pub(super) struct KafkaConsoleConsumer {
    #[command(flatten)]
    common: Common,
    /// The topic
    #[arg(long, value_name = "TOPIC", required_unless_present = "include")]
    topic: Option<String>,
    /// All topics whose whole name this regular expression matches
    #[arg(long, value_name = "REGEX", conflicts_with = "topic")]
    include: Option<String>,
    /// Begin at the first record, and not at the end
    #[arg(long)]
    from_beginning: bool,
    /// Only this partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Where to begin in the partition: an offset, earliest or latest
    #[arg(long, value_name = "OFFSET", requires = "partition")]
    offset: Option<String>,
    /// End after so many records
    #[arg(long, value_name = "N")]
    max_messages: Option<u64>,
    /// End where the topic ends now, in place of waiting for so long
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Read as a member of this group, and commit what was read
    #[arg(long, value_name = "GROUP", conflicts_with = "partition")]
    group: Option<String>,
    /// Which records of transactions are read: read_uncommitted or read_committed
    #[arg(long, value_name = "LEVEL")]
    isolation_level: Option<String>,
    /// How records are written: print.key=true, key.separator=TEXT, null.literal=TEXT, ...; may be given many times
    #[arg(long, visible_alias = "formatter-property", value_name = "KEY=VALUE", value_parser = key_and_value)]
    property: Vec<(String, String)>,
    /// A property of the client; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    consumer_property: Vec<(String, String)>,
    /// Properties of the client
    #[arg(long = "consumer.config", value_name = "FILE")]
    consumer_config: Option<String>,
}

impl ConsoleTool for KafkaConsoleConsumer {
    fn words(self) -> Result<Vec<String>, String> {
        let from = self.from();
        let is_finite = self.timeout_ms.is_some();
        if is_finite && from == Some("end".to_owned()) {
            return Err("--timeout-ms ends where the topic ends now, and --from-beginning or --offset begins before that".to_owned());
        }
        let written = Written::read(&self.property)?;
        let mut words = own_words("consume", &self.common, self.consumer_config, &self.consumer_property);
        words.extend(options([
            ("--matching", self.include),
            ("--partition", self.partition.map(|number| number.to_string())),
            ("--from", from),
            ("--count", self.max_messages.map(|count| count.to_string())),
            ("--group", self.group.clone()),
            ("--isolation", self.isolation_level),
            ("--pattern", Some(written.pattern)),
            ("--null", Some(written.null)),
            ("--topic", self.topic),
        ]));
        // A member of a group waits for records in any case.
        words.extend((self.group.is_none() && !is_finite).then(|| "--follow".to_owned()));
        Ok(words)
    }
}

impl KafkaConsoleConsumer {
    /// Where to begin, in our words.
    fn from(&self) -> Option<String> {
        match (self.from_beginning, self.offset.as_deref()) {
            (true, _) | (false, Some("earliest")) => Some("beginning".to_owned()),
            (false, None | Some("latest")) => Some("end".to_owned()),
            (false, Some(offset)) => Some(offset.to_owned()),
        }
    }
}

/// How records are written.
struct Written {
    pattern: String,
    null: String,
}

impl Written {
    fn read(properties: &[(String, String)]) -> Result<Self, String> {
        let mut parts = PARTS;
        let (mut between, mut line, mut null) = ("\t".to_owned(), "\n".to_owned(), "null".to_owned());
        for (key, value) in properties {
            let value = value.clone();
            match &**key {
                "key.separator" => between = value,
                "line.separator" => line = value,
                "null.literal" => null = value,
                key => {
                    let part = parts.iter_mut().find(|(name, _)| *name == key);
                    let (_, is_written) =
                        part.ok_or_else(|| format!("the property {key} is not understood here"))?;
                    *is_written = value == "true";
                }
            }
        }
        let tokens = ["CreateTime:%T", "Partition:%p", "Offset:%o", "%h", "%k", "%s"];
        let written = parts.iter().zip(tokens).filter(|((_, is_written), _)| *is_written);
        let tokens: Vec<_> = written.map(|(_, token)| token).collect();
        Ok(Self { pattern: format!("{}{}", tokens.join(&literal(&between)), literal(&line)), null })
    }
}

/// A text as it stands for itself in a pattern.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::super::tests::console_words;

    #[test]
    fn records_are_written_as_apache_kafkas_tool_does() {
        let words = console_words("kafka-console-consumer --bootstrap-server a:1 --topic t --from-beginning");
        assert_eq!(
            words.unwrap(),
            "--bootstrap=a:1 consume --from=beginning --pattern=%s\n --null=null --topic=t --follow"
        );
        let line = "kafka-console-consumer --topic t --partition 0 --offset 7 --timeout-ms 1 --property print.key=true \
                    --property key.separator=% --property print.offset=true";
        let words = console_words(line).unwrap();
        assert_eq!(
            words,
            "consume --partition=0 --from=7 --pattern=Offset:%o%%%k%%%s\n --null=null --topic=t"
        );
        let grouped = console_words("kafka-console-consumer --topic t --group g").unwrap();
        assert!(
            grouped.contains("--from=end") && grouped.contains("--group=g") && !grouped.contains("--follow")
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "kafka-console-consumer --topic t --property schema.registry.url=x",
            "kafka-console-consumer --topic t --timeout-ms 5",
            "kafka-console-consumer --topic t --formatter x",
            "kafka-console-consumer",
        ] {
            assert!(console_words(line).is_err(), "{line}");
        }
    }
}
