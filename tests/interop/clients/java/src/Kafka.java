import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Clients with the settings that every scenario wants, and the three things that each of them does. */
final class Kafka {
    /** Four records whose times tell every kind of offset look-up apart: by time and by largest time. */
    static final long[] TIMES = {1_700_000_000_000L, 1_700_000_001_000L, 1_700_000_005_000L, 1_700_000_002_000L};

    private Kafka() {}

    static Admin admin(Main.Args args) {
        return Admin.create(args.connection());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Main.Args args) {
        Map<String, Object> settings = args.connection();
        settings.putAll(Map.of("auto.offset.reset", "none", "fetch.max.wait.ms", 50, "isolation.level", args.isolation));
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Makes one topic; unless the configs say otherwise it keeps records of any age. */
    static void create(Main.Args args, String topic, int partitions, Map<String, String> configs) throws Exception {
        Map<String, String> all = new HashMap<>(Map.of("retention.ms", "-1"));
        all.putAll(configs);
        try (Admin admin = admin(args)) {
            Check.get(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(all))).all());
            // A broker may learn of it a little later than the controller that answered.
            Check.eventually("the topic is listed", () -> Check.get(admin.listTopics().names()).contains(topic), true);
        }
    }

    /** Sends records, waits for all, and returns the names of the errors of those that are not stored. */
    static List<String> write(Main.Args args, Collection<ProducerRecord<byte[], byte[]>> records,
            Map<String, ?> settings) throws Exception {
        Map<String, Object> all = args.connection();
        all.putAll(settings);
        List<Future<?>> sent = new ArrayList<>();
        List<String> failures = new ArrayList<>();
        try (var producer = new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer())) {
            records.forEach(record -> sent.add(producer.send(record)));
            producer.flush();
            for (Future<?> one : sent) {
                try {
                    one.get();
                } catch (ExecutionException e) {
                    failures.add(e.getCause().getClass().getSimpleName());
                }
            }
        }
        return failures;
    }

    /** Writes one record for each of the times. */
    static void writeTimes(Main.Args args, String topic, String codec) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (long time : TIMES) {
            records.add(new ProducerRecord<>(topic, 0, time, "k".getBytes(), "v".getBytes()));
        }
        Check.expect("failures", write(args, records, Map.of("compression.type", codec)), List.of());
    }

    /** Reads from an offset to the end of each partition. */
    static Map<Integer, List<ConsumerRecord<byte[], byte[]>>> read(Main.Args args, String topic, int count, long from) {
        Map<Integer, List<ConsumerRecord<byte[], byte[]>>> found = new TreeMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int p = 0; p < count; p++) {
                partitions.add(new TopicPartition(topic, p));
                found.put(p, new ArrayList<>());
            }
            consumer.assign(partitions);
            partitions.forEach(p -> consumer.seek(p, from));
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            Map<TopicPartition, Long> before = Map.of();
            for (var at = positions(consumer); isBefore(at, ends); at = positions(consumer)) {
                if (at.equals(before)) {
                    throw new Check.Differs("reading " + topic + ": nothing came for " + Check.DEADLINE);
                }
                before = at;
                // It gives nothing, too, when it has gone over markers and what was aborted.
                var batch = consumer.poll(Check.DEADLINE);
                batch.forEach(record -> found.get(record.partition()).add(record));
            }
        }
        return found;
    }

    private static boolean isBefore(Map<TopicPartition, Long> at, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().anyMatch(end -> at.get(end.getKey()) < end.getValue());
    }

    private static Map<TopicPartition, Long> positions(KafkaConsumer<byte[], byte[]> consumer) {
        return consumer.assignment().stream().collect(Collectors.toMap(p -> p, consumer::position));
    }
}
