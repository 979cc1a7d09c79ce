import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Copies what was committed from one topic to another, in transactions (see ring/transactor.py). */
final class Copier {
    private static final int AT_ONCE = 10;

    private final String target;
    private final KafkaProducer<byte[], byte[]> producer;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private volatile boolean stopping;

    private Copier(Main.Args args) {
        target = args.topics.get(1);
        producer = Transactor.producer(args);
        Map<String, Object> settings = Member.settings(args);
        settings.putAll(Map.of("isolation.level", "read_committed", "max.poll.records", AT_ONCE));
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void run(Main.Args args) throws Exception {
        Copier copier = new Copier(args);
        Member.onEndOfInput(() -> copier.stopping = true);
        copier.producer.initTransactions();
        copier.consumer.subscribe(List.of(args.topics.get(0)));
        for (int number = 1; !copier.stopping;) {
            ConsumerRecords<byte[], byte[]> records = copier.consumer.poll(Duration.ofMillis(100));
            if (!records.isEmpty()) {
                copier.copy(records, number++ == args.hold);
            }
        }
        copier.consumer.close();
        Member.say("closed", "");
    }

    private void copy(ConsumerRecords<byte[], byte[]> records, boolean holds) throws InterruptedException {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            byte[] key = (record.partition() + ":" + record.offset()).getBytes();
            producer.send(new ProducerRecord<>(target, record.partition(), key, record.value()));
            offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (holds) {
            producer.flush();
            Member.say("held", "");
            Thread.currentThread().join();
        }
        producer.commitTransaction();
        Member.say("copied", "\"count\":" + records.count());
    }
}
