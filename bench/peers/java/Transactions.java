import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Records in transactions of a given size, through the Java client: its own performance tool ends them by time and not by size.
 *
 * <p>Arguments: topic, how many records, how many of them in a transaction, a file of values, what stands between them, and then
 * settings as key=value. Prints how many were acknowledged, and how many per second.
 */
public final class Transactions {
    public static void main(String[] args) throws IOException {
        String topic = args[0];
        long records = Long.parseLong(args[1]);
        long perTransaction = Long.parseLong(args[2]);
        String[] values = Files.readString(Path.of(args[3]), StandardCharsets.ISO_8859_1).split(args[4]);
        Properties settings = new Properties();
        for (int index = 5; index < args.length; index++) {
            String[] setting = args[index].split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        LongAdder acked = new LongAdder();
        LongAdder failed = new LongAdder();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.initTransactions();
            long started = System.nanoTime();
            for (long sent = 0; sent < records; ) {
                producer.beginTransaction();
                for (long end = Math.min(records, sent + perTransaction); sent < end; sent++) {
                    byte[] value = values[(int) (sent % values.length)].getBytes(StandardCharsets.ISO_8859_1);
                    producer.send(new ProducerRecord<>(topic, value), (metadata, error) -> {
                        if (error == null) {
                            acked.increment();
                        } else {
                            failed.increment();
                        }
                    });
                }
                producer.commitTransaction();
            }
            double seconds = (System.nanoTime() - started) / 1e9;
            System.out.printf("%d records acknowledged, %d failed, %.1f records/sec%n", acked.sum(), failed.sum(), records / seconds);
        }
    }
}
