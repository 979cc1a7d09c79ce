import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.TimeWindows;

/** The application of {@link WordCount}: {@code java WordCountApp PREFIX STATE_FOLDER NAME=VALUE...}; it runs until it is killed. */
final class WordCountApp {
    private WordCountApp() {}

    public static void main(String[] words) {
        Properties settings = new Properties();
        settings.putAll(Map.of("application.id", words[0], "state.dir", words[1], "processing.guarantee", "exactly_once_v2",
                "default.key.serde", Serdes.StringSerde.class, "default.value.serde", Serdes.StringSerde.class,
                "num.stream.threads", 2, "replication.factor", 1,
                // Every result is written, and soon.
                "statestore.cache.max.bytes", 0, "commit.interval.ms", 100));
        // Who is killed is missed soon.
        settings.putAll(Map.of("consumer.auto.offset.reset", "earliest", "consumer.session.timeout.ms", 6_000,
                "consumer.heartbeat.interval.ms", 300));
        for (String setting : Arrays.copyOfRange(words, 2, words.length)) {
            settings.put(setting.split("=", 2)[0], setting.split("=", 2)[1]);
        }
        KafkaStreams streams = new KafkaStreams(topology(words[0]), settings);
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
    }

    private static Topology topology(String prefix) {
        StreamsBuilder builder = new StreamsBuilder();
        var classes = builder.<String, String>table(WordCount.topic(prefix, "classes"));
        KStream<String, String> words = builder.<String, String>stream(WordCount.topic(prefix, "lines"))
                .flatMap((line, text) -> Arrays.stream(text.split(" ")).map(word -> KeyValue.pair(word, word)).toList())
                .repartition(Repartitioned.as("words"));
        words.groupByKey(Grouped.as("all")).count(Materialized.as("counts")).toStream().mapValues(String::valueOf)
                .to(WordCount.topic(prefix, "counts"));
        // Lines of several partitions come in any order of their times.
        words.groupByKey(Grouped.as("windowed")).windowedBy(TimeWindows.ofSizeAndGrace(WordCount.WINDOW, Duration.ofDays(1)))
                .count(Materialized.as("windows")).toStream()
                .map((window, count) -> KeyValue.pair(window.key() + "@" + window.window().start(), count.toString()))
                .to(WordCount.topic(prefix, "windows"));
        words.join(classes, (word, of) -> of).to(WordCount.topic(prefix, "joined"));
        return builder.build();
    }
}
