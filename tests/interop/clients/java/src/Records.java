import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** The records file: JSON lines with bytes in base64. */
final class Records {
    private Records() {}

    /** One line of it; a null timestamp says that the writer could not choose it. */
    record Line(int partition, long offset, Long timestamp, byte[] key, byte[] value, List<Header> headers) {
        ProducerRecord<byte[], byte[]> to(String topic) {
            return new ProducerRecord<>(topic, partition, timestamp, key, value, headers);
        }

        /** Compares what was read with what was written. */
        void check(ConsumerRecord<byte[], byte[]> got) {
            String where = got.topic() + "-" + partition + " record " + offset;
            Check.expect(where + " offset", got.offset(), offset);
            Check.expect(where + " key", got.key(), key);
            Check.expect(where + " value", got.value(), value);
            Check.expect(where + " headers", List.of(got.headers().toArray()), headers);
            Check.expect(where + " type of time", got.timestampType(), TimestampType.CREATE_TIME);
            if (timestamp == null) {
                Check.expectRecent(where + " timestamp", got.timestamp());
            } else {
                Check.expect(where + " timestamp", got.timestamp(), timestamp);
            }
        }
    }

    static List<Line> load(String path) throws IOException {
        ObjectMapper json = new ObjectMapper();
        List<Line> records = new ArrayList<>();
        for (String text : Files.readAllLines(Path.of(path))) {
            records.add(line(json.readTree(text)));
        }
        return records;
    }

    /** One record; who has not been told its offset has none. */
    static Line line(JsonNode line) throws IOException {
        List<Header> headers = new ArrayList<>();
        for (JsonNode header : line.get("headers")) {
            headers.add(new RecordHeader(header.get(0).textValue(), bytes(header.get(1))));
        }
        JsonNode timestamp = line.get("timestamp");
        return new Line(line.get("partition").intValue(), line.path("offset").longValue(),
                timestamp.isNull() ? null : timestamp.longValue(),
                bytes(line.get("key")), bytes(line.get("value")), headers);
    }

    static Map<Integer, List<Line>> byPartition(List<Line> records) {
        Map<Integer, List<Line>> partitions = new TreeMap<>();
        for (Line line : records) {
            partitions.computeIfAbsent(line.partition(), p -> new ArrayList<>()).add(line);
        }
        return partitions;
    }

    private static byte[] bytes(JsonNode text) throws IOException {
        return text.isNull() ? null : text.binaryValue();
    }
}
