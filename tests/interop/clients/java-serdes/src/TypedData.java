import com.fasterxml.jackson.databind.ObjectMapper;
import io.apicurio.registry.resolver.client.RegistryArtifactReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What Apicurio's serializers for Java write and its deserializers read, with the schema's id before the bytes (see ring/cases.py).
 *
 * <p>Called as {@code typed-write|typed-read --bootstrap HOST:PORT --registry URL --prefix NAME --case NAME... --form id}, and to read
 * {@code --writer NAME}; the property {@code typed} is the folder of the cases.
 */
public final class TypedData {
    private static final String NAME = "java-serdes";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Map<String, List<String>> options = new HashMap<>();
    private final Path folder;
    private final ConfluentRegistry registry;

    private TypedData(String[] words) {
        for (int index = 1; index + 1 < words.length; index += 2) {
            options.computeIfAbsent(words[index], name -> new ArrayList<>()).add(words[index + 1]);
        }
        folder = Path.of(System.getProperty("typed"));
        registry = new ConfluentRegistry(only("--registry"));
    }

    public static void main(String[] words) throws Exception {
        TypedData run = new TypedData(words);
        if (words[0].equals("typed-write")) {
            run.write();
        } else {
            run.read();
        }
        System.out.println("ok " + NAME + " " + words[0]);
    }

    private void write() throws Exception {
        Properties settings = settings();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (Case one : cases()) {
                String topic = topic(NAME, one);
                if (!one.registersItself()) {
                    register(one, topic + "-value");
                }
                try (var serializer = one.serializer(registry)) {
                    for (Object value : one.values()) {
                        byte[] bytes = serializer.serialize(topic, value);
                        producer.send(new ProducerRecord<>(topic, 0, (byte[]) null, bytes)).get();
                    }
                }
            }
        }
    }

    private void read() throws Exception {
        for (Case one : cases()) {
            String topic = topic(only("--writer"), one);
            List<Object> want = one.values();
            List<byte[]> records = records(topic);
            expect(topic + " number of records", records.size(), want.size());
            try (var deserializer = one.deserializer(registry)) {
                for (int number = 0; number < want.size(); number++) {
                    Object got = deserializer.deserialize(topic, records.get(number));
                    expect(topic + " record " + number, one.plain(got), one.plain(want.get(number)));
                }
            }
        }
    }

    private List<byte[]> records(String topic) {
        List<byte[]> records = new ArrayList<>();
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = new KafkaConsumer<>(settings(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                var polled = consumer.poll(PATIENCE);
                if (polled.isEmpty()) {
                    throw new IllegalStateException(topic + ": no record came for " + PATIENCE);
                }
                polled.forEach(record -> records.add(record.value()));
            }
        }
        return records;
    }

    /** Registers a case's schema, and first what it refers to. */
    private void register(Case one, String subject) throws Exception {
        Set<RegistryArtifactReference> references = new HashSet<>();
        for (Map.Entry<String, String> referred : one.references().entrySet()) {
            var found = registry.createSchema(one.type(), null, referred.getKey(), null, null, false, referred.getValue(), Set.of());
            references.add(ConfluentRegistry.reference(referred.getKey(), referred.getKey(), found.getVersion()));
        }
        registry.register(subject, one.type(), one.text(), references);
    }

    private List<Case> cases() throws Exception {
        var table = new ObjectMapper().readTree(Files.readString(folder.resolve("cases.json")));
        List<Case> cases = new ArrayList<>();
        for (String name : options.getOrDefault("--case", List.of())) {
            cases.add(Case.of(folder, name, table.get(name)));
        }
        return cases;
    }

    private String topic(String writer, Case one) {
        return only("--prefix") + "-" + writer + "-" + one.name() + "-id";
    }

    private Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", only("--bootstrap"));
        return settings;
    }

    private String only(String name) {
        return options.get(name).get(0);
    }

    private static void expect(String what, Object got, Object want) {
        if (!got.equals(want)) {
            throw new IllegalStateException(what + ": " + got + " instead of " + want);
        }
    }
}
