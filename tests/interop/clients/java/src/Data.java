import static java.util.stream.Collectors.toList;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.record.TimestampType;

/** Scenarios that move records. */
final class Data {
    private Data() {}

    static void produce(Main.Args args) throws Exception {
        String topic = args.topics.get(0);
        List<Records.Line> records = Records.load(args.records);
        Kafka.create(args, topic, Records.byPartition(records).size(), Map.of());
        List<ProducerRecord<byte[], byte[]>> sent = records.stream().map(line -> line.to(topic)).toList();
        Map<String, Object> settings = Map.of("compression.type", args.codec, "linger.ms", 5);
        Check.expect("failures", Kafka.write(args, sent, settings), List.of());
    }

    static void consume(Main.Args args) throws Exception {
        Map<Integer, List<Records.Line>> want = Records.byPartition(Records.load(args.records));
        for (String topic : args.topics) {
            var found = Kafka.read(args, topic, want.size(), 0);
            want.forEach((partition, expected) -> {
                List<ConsumerRecord<byte[], byte[]>> got = found.get(partition);
                for (int i = 0; i < Math.min(got.size(), expected.size()); i++) {
                    expected.get(i).check(got.get(i));
                }
                Check.expect(topic + "-" + partition + " number of records", got.size(), expected.size());
            });
        }
    }

    static void acks(Main.Args args) throws Exception {
        Map<String, Map<String, Object>> kinds = new LinkedHashMap<>();
        for (String level : List.of("0", "1", "all")) {
            kinds.put(level, Map.of("acks", level, "enable.idempotence", false));
        }
        kinds.put("idempotent", Map.of("enable.idempotence", true, "batch.size", 500));
        List<String> values = IntStream.range(0, 1000).mapToObj(String::valueOf).toList();
        for (var kind : kinds.entrySet()) {
            String topic = args.prefix + "-java-acks-" + kind.getKey();
            Kafka.create(args, topic, 1, Map.of());
            List<ProducerRecord<byte[], byte[]>> sent = values.stream()
                    .map(value -> new ProducerRecord<byte[], byte[]>(topic, value.getBytes())).toList();
            Check.expect("failures", Kafka.write(args, sent, kind.getValue()), List.of());
            Check.eventually("values with acks=" + kind.getKey(), () -> Kafka.read(args, topic, 1, 0).get(0).stream()
                    .map(record -> new String(record.value())).collect(toList()), values);
        }
    }

    static void logAppendTime(Main.Args args) throws Exception {
        String topic = args.prefix + "-java-append-time";
        Kafka.create(args, topic, 1, Map.of("message.timestamp.type", "LogAppendTime"));
        Kafka.writeTimes(args, topic, "none");
        Kafka.writeTimes(args, topic, "lz4");
        List<ConsumerRecord<byte[], byte[]>> found = Kafka.read(args, topic, 1, 0).get(0);
        for (ConsumerRecord<byte[], byte[]> record : found) {
            Check.expect("type of time", record.timestampType(), TimestampType.LOG_APPEND_TIME);
            Check.expectRecent("time", record.timestamp());
        }
        Check.expect("number of records", found.size(), 2 * Kafka.TIMES.length);
    }
}
