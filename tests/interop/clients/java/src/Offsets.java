import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** Looking offsets up: start, end, by time, by largest time. */
final class Offsets {
    private Offsets() {}

    static void offsets(Main.Args args) throws Exception {
        String topic = args.prefix + "-java-offsets";
        Kafka.create(args, topic, 2, Map.of());
        Kafka.writeTimes(args, topic, "none");
        long first = Kafka.TIMES[0];
        long last = Kafka.TIMES[2];
        TopicPartition partition = new TopicPartition(topic, 0);
        TopicPartition empty = new TopicPartition(topic, 1);
        try (Admin admin = Kafka.admin(args)) {
            look(admin, "earliest", partition, OffsetSpec.earliest(), 0, -1);
            look(admin, "earliest on this machine", partition, OffsetSpec.earliestLocal(), 0, -1);
            look(admin, "latest", partition, OffsetSpec.latest(), 4, -1);
            look(admin, "latest in other storage", partition, OffsetSpec.latestTiered(), -1, -1);
            look(admin, "largest time", partition, OffsetSpec.maxTimestamp(), 2, last);
            look(admin, "latest of nothing", empty, OffsetSpec.latest(), 0, -1);
            look(admin, "largest time of nothing", empty, OffsetSpec.maxTimestamp(), -1, -1);
            look(admin, "from the beginning of time", partition, OffsetSpec.forTimestamp(0), 0, first);
            look(admin, "from the first time", partition, OffsetSpec.forTimestamp(first), 0, first);
            look(admin, "from just after it", partition, OffsetSpec.forTimestamp(first + 1), 1, Kafka.TIMES[1]);
            look(admin, "from the largest time", partition, OffsetSpec.forTimestamp(last), 2, last);
            look(admin, "from after the last", partition, OffsetSpec.forTimestamp(last + 1), -1, -1);
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(args)) {
            List<TopicPartition> both = List.of(partition, empty);
            Check.expect("beginning", consumer.beginningOffsets(both), Map.of(partition, 0L, empty, 0L));
            Check.expect("end", consumer.endOffsets(both), Map.of(partition, 4L, empty, 0L));
            var found = consumer.offsetsForTimes(Map.of(partition, first + 1, empty, first));
            Check.expect("the consumer's offset for a time", found.get(partition).offset(), 1L);
            Check.expect("and for one that nothing has", found.get(empty), null);
        }
    }

    private static void look(Admin admin, String what, TopicPartition partition, OffsetSpec spec, long offset,
            long timestamp) throws Exception {
        ListOffsetsResultInfo found = Check.get(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition));
        Check.expect(what, List.of(found.offset(), found.timestamp()), List.of(offset, timestamp));
    }
}
