import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Does with one transactional producer what it is told on standard input (see ring/transactor.py). */
final class Transactor {
    private final KafkaProducer<byte[], byte[]> producer;

    private Transactor(Main.Args args) {
        producer = producer(args);
    }

    static void run(Main.Args args) throws IOException {
        Transactor transactor = new Transactor(args);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        ObjectMapper json = new ObjectMapper();
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            transactor.answer(json.readTree(line));
        }
        // As if it were killed: nothing is closed.
        Runtime.getRuntime().halt(0);
    }

    static KafkaProducer<byte[], byte[]> producer(Main.Args args) {
        Map<String, Object> settings = args.connection();
        settings.putAll(Map.of("transactional.id", args.id, "transaction.timeout.ms", args.timeoutMs,
                "compression.type", args.codec, "max.block.ms", (int) Check.DEADLINE.toMillis()));
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void answer(JsonNode command) {
        try {
            obey(command);
            Member.say("done", "");
        } catch (Exception e) {
            Throwable cause = e instanceof ExecutionException ? e.getCause() : e;
            cause.printStackTrace();
            Member.say("failed", "\"why\":\"%s\"".formatted(cause.getClass().getSimpleName()));
        }
    }

    private void obey(JsonNode command) throws Exception {
        switch (command.get("do").textValue()) {
            case "init" -> producer.initTransactions();
            case "begin" -> producer.beginTransaction();
            case "send" -> send(command.get("topic").textValue(), command.get("records"));
            case "offsets" -> sendOffsets(command);
            case "commit" -> producer.commitTransaction();
            case "abort" -> producer.abortTransaction();
            default -> throw new IllegalArgumentException(command.toString());
        }
    }

    private void send(String topic, JsonNode records) throws Exception {
        List<Future<?>> sent = new ArrayList<>();
        for (JsonNode record : records) {
            sent.add(producer.send(Records.line(record).to(topic)));
        }
        producer.flush();
        for (Future<?> one : sent) {
            one.get();
        }
    }

    private void sendOffsets(JsonNode command) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (var one : command.get("offsets").properties()) {
            var partition = new TopicPartition(command.get("topic").textValue(), Integer.parseInt(one.getKey()));
            offsets.put(partition, new OffsetAndMetadata(one.getValue().longValue()));
        }
        producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(command.get("group").textValue()));
    }
}
