import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** What a user meets when something is wrong. */
final class Failures {
    private Failures() {}

    static void errors(Main.Args args) throws Exception {
        String topic = args.prefix + "-java-errors";
        Kafka.create(args, topic, 1, Map.of("max.message.bytes", "2000"));
        try (Admin admin = Kafka.admin(args)) {
            topics(admin, topic);
            configsAndRecords(admin, topic);
        }
        records(args, topic);
        Check.expect("read above the end", Check.errorOf(() -> {
            try (var consumer = Kafka.consumer(args)) {
                TopicPartition partition = new TopicPartition(topic, 0);
                consumer.assign(List.of(partition));
                consumer.seek(partition, 9);
                return consumer.poll(Check.DEADLINE);
            }
        }), "OffsetOutOfRangeException");
    }

    private static void topics(Admin admin, String topic) {
        String nowhere = topic + "-unknown";
        expect("create a topic that is there", create(admin, topic, 1, 1, Map.of()), "TopicExistsException");
        expect("create a topic with a bad name", create(admin, "a/b", 1, 1, Map.of()), "InvalidTopicException");
        expect("create a topic with a name too long", create(admin, "a".repeat(250), 1, 1, Map.of()), "InvalidTopicException");
        expect("create a topic of no partitions", create(admin, nowhere, 0, 1, Map.of()), "InvalidPartitionsException");
        expect("create a topic of too many replicas", create(admin, nowhere, 1, 3, Map.of()),
                "InvalidReplicationFactorException");
        expect("create a topic with a bad config", create(admin, nowhere, 1, 1, Map.of("retention.ms", "soon")),
                "InvalidConfigurationException");
        expect("create a topic with an unknown config", create(admin, nowhere, 1, 1, Map.of("colour", "red")),
                "InvalidConfigurationException");
        expect("delete an unknown topic", () -> Check.get(admin.deleteTopics(List.of(nowhere)).all()),
                "UnknownTopicOrPartitionException");
        expect("describe an unknown topic", () -> Check.get(admin.describeTopics(List.of(nowhere)).allTopicNames()),
                "UnknownTopicOrPartitionException");
        expect("fewer partitions", () -> Check.get(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all()),
                "InvalidPartitionsException");
    }

    private static void configsAndRecords(Admin admin, String topic) {
        var known = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var unknown = new ConfigResource(ConfigResource.Type.TOPIC, topic + "-unknown");
        expect("describe configs of an unknown topic", () -> Check.get(admin.describeConfigs(List.of(unknown)).all()),
                "UnknownTopicOrPartitionException");
        var bad = List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET));
        expect("set a bad config", () -> Check.get(admin.incrementalAlterConfigs(Map.of(known, bad)).all()),
                "InvalidConfigurationException");
        var good = List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "1"), AlterConfigOp.OpType.SET));
        expect("configure an unknown topic", () -> Check.get(admin.incrementalAlterConfigs(Map.of(unknown, good)).all()),
                "UnknownTopicOrPartitionException");
        var above = Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(9));
        expect("delete records above the end", () -> Check.get(admin.deleteRecords(above).all()),
                "OffsetOutOfRangeException");
    }

    private static void records(Main.Args args, String topic) throws Exception {
        String compacted = topic + "-compacted";
        Kafka.create(args, compacted, 1, Map.of("cleanup.policy", "compact"));
        long tomorrow = System.currentTimeMillis() + 86_400_000;
        for (var c : List.of(
                new Case("too large", new ProducerRecord<>(topic, new byte[3_000]), List.of("RecordTooLargeException")),
                new Case("no key in a compacted topic", new ProducerRecord<>(compacted, new byte[1]),
                        List.of("InvalidRecordException")),
                new Case("of tomorrow", new ProducerRecord<>(topic, 0, tomorrow, null, new byte[1]),
                        List.of("InvalidTimestampException")),
                new Case("a good one after them", new ProducerRecord<>(topic, new byte[1]), List.of()))) {
            Check.expect("a record " + c.what, Kafka.write(args, List.of(c.record), Map.of()), c.want);
        }
    }

    private record Case(String what, ProducerRecord<byte[], byte[]> record, List<String> want) {}

    private static Callable<?> create(Admin admin, String topic, int partitions, int replicas, Map<String, String> configs) {
        NewTopic wanted = new NewTopic(topic, partitions, (short) replicas).configs(configs);
        return () -> Check.get(admin.createTopics(List.of(wanted)).all());
    }

    private static void expect(String what, Callable<?> action, String error) {
        Check.expect(what, Check.errorOf(action), error);
    }
}
