import bench.OrderOuterClass;
import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Orders through Apicurio's serializers and Apache Kafka's client, with the schema registered before. Prints a line of JSON.
 *
 * <p>Arguments: the folder of the schemas, {@code typed-produce} or {@code typed-consume}, and then options as
 * {@code --name value}: format, registry, bootstrap, topic, records, linger-ms, batch-bytes. The clock and the CPU time are those
 * of the work, without the start of the JVM.
 */
public final class Typed {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    public static void main(String[] args) throws IOException {
        Map<String, String> options = new HashMap<>();
        for (int index = 2; index + 1 < args.length; index += 2) {
            options.put(args[index].substring(2), args[index + 1]);
        }
        String topic = options.get("topic");
        long records = Long.parseLong(options.get("records"));
        Formats format = new Formats(Path.of(args[0]), options.get("format"), options.get("registry"));
        if (args[1].equals("typed-produce")) {
            produce(format, topic, records, options);
        } else {
            consume(format, topic, records, options);
        }
    }

    private static void produce(Formats format, String topic, long records, Map<String, String> options) throws IOException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", options.get("bootstrap"));
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        settings.put("linger.ms", options.get("linger-ms"));
        settings.put("batch.size", options.get("batch-bytes"));
        settings.put("max.in.flight.requests.per.connection", "5");
        settings.put("buffer.memory", "33554432");
        format.register(topic);
        var serializer = format.serializer();
        List<Object> orders = new ArrayList<>();
        for (int index = 0; index < 1_000; index++) {
            orders.add(format.order(index));
        }
        serializer.serialize(topic, orders.get(0));
        LongAdder acked = new LongAdder();
        LongAdder failed = new LongAdder();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), serializer)) {
            Meter meter = new Meter();
            for (long index = 0; index < records; index++) {
                producer.send(new ProducerRecord<>(topic, orders.get((int) (index % orders.size()))), (metadata, error) -> {
                    if (error == null) {
                        acked.increment();
                    } else {
                        failed.increment();
                    }
                });
            }
            producer.flush();
            double bytes = meter.stop().allocatedBy(orders.size(), index -> serializer.serialize(topic, orders.get(index)));
            meter.print("typed-produce", records, acked.sum(), failed.sum(), bytes);
        }
    }

    private static void consume(Formats format, String topic, long records, Map<String, String> options) throws IOException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", options.get("bootstrap"));
        settings.put("auto.offset.reset", "earliest");
        Meter meter = new Meter();
        var deserializer = format.deserializer();
        List<byte[]> some = new ArrayList<>();
        long read = 0;
        long cents = 0;
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), deserializer)) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(topic).forEach(found -> partitions.add(new TopicPartition(topic, found.partition())));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (read < records) {
                var polled = consumer.poll(PATIENCE);
                if (polled.isEmpty()) {
                    throw new IllegalStateException("no record came for " + PATIENCE);
                }
                for (var record : polled) {
                    cents += cents(record.value());
                    read++;
                }
            }
        }
        meter.stop();
        if (cents == 0) {
            throw new IllegalStateException("the orders are empty");
        }
        format.register(topic);
        var serializer = format.serializer();
        for (int index = 0; index < 1_000; index++) {
            some.add(serializer.serialize(topic, format.order(index)));
        }
        double bytes = meter.allocatedBy(some.size(), index -> deserializer.deserialize(topic, some.get(index)));
        meter.print("typed-consume", read, read, 0, bytes);
    }

    private static long cents(Object order) {
        if (order instanceof GenericRecord record) {
            return (Long) ((GenericRecord) ((List<?>) record.get("lines")).get(0)).get("cents");
        }
        if (order instanceof OrderOuterClass.Order message) {
            return message.getLines(0).getCents();
        }
        return ((Formats.Order) order).lines.get(0).cents;
    }

    /** Wall time and CPU time since it was made, until it is stopped. */
    private static final class Meter {
        private final OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        private final long started = System.nanoTime();
        private final long cpuBefore = process.getProcessCpuTime();
        private double wall;
        private double cpu;

        Meter stop() {
            wall = (System.nanoTime() - started) / 1e9;
            cpu = (process.getProcessCpuTime() - cpuBefore) / 1e9;
            return this;
        }

        /** Bytes that this thread allocates for a record, on average. */
        double allocatedBy(int records, java.util.function.IntConsumer work) {
            long thread = Thread.currentThread().getId();
            long before = threads.getThreadAllocatedBytes(thread);
            for (int index = 0; index < records; index++) {
                work.accept(index);
            }
            return (double) (threads.getThreadAllocatedBytes(thread) - before) / records;
        }

        void print(String work, long records, long acked, long failed, double allocatedBytes) throws IOException {
            System.out.printf(Locale.ROOT, "{\"client\": \"apicurio-serdes\", \"work\": \"%s\", \"records\": %d, \"bytes\": 0, "
                    + "\"acked\": %d, \"errors\": %d, \"wall_s\": %.3f, \"msgs_per_s\": %.3f, \"mb_per_s\": 0, \"cpu_s\": %.3f, "
                    + "\"max_rss_mb\": %.3f, \"latency_us\": null, \"allocated_bytes\": %.1f}%n",
                    work, records, acked, failed, wall, acked / wall, cpu, peakMemoryMb(), allocatedBytes);
            if (failed > 0) {
                System.exit(1);
            }
        }

        private static double peakMemoryMb() throws IOException {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024;
                }
            }
            return 0;
        }
    }
}
