import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaDeserializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaDeserializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/**
 * One schema, what it refers to, the values that are written with it, and the serializers for them.
 *
 * @param references subjects and texts
 * @param messages of Protobuf, the class that protoc has made
 */
record Case(String name, String type, String text, Map<String, String> references, List<String> lines, Class<? extends Message> messages) {
    static Case of(Path folder, String name, JsonNode row) throws IOException, ClassNotFoundException {
        Map<String, String> references = new LinkedHashMap<>();
        for (var field = row.get("references").fields(); field.hasNext(); ) {
            var one = field.next();
            references.put(one.getKey(), Files.readString(folder.resolve(one.getValue().asText())));
        }
        String type = row.get("type").asText();
        String file = row.get("schema").asText();
        Class<? extends Message> messages = type.equals("PROTOBUF") ? messageClass(file, row.get("name").asText()) : null;
        return new Case(name, type, Files.readString(folder.resolve(file)), references,
                Files.readAllLines(folder.resolve(name + ".jsonl")), messages);
    }

    /** Its class is inside of one that has the name of the file. */
    private static Class<? extends Message> messageClass(String file, String fullName) throws ClassNotFoundException {
        String outer = Character.toUpperCase(file.charAt(0)) + file.substring(1, file.indexOf('.')) + "OuterClass";
        String inner = fullName.substring("kestrel.interop.".length()).replace('.', '$');
        return Class.forName("kestrel.interop." + outer + "$" + inner).asSubclass(Message.class);
    }

    /** Whether its serializer registers the schema of a value; of Avro it would register another, with references of its own. */
    boolean registersItself() {
        return type.equals("PROTOBUF");
    }

    @SuppressWarnings("unchecked")
    Serializer<Object> serializer(ConfluentRegistry registry) {
        Serializer<?> made = switch (type) {
            case "AVRO" -> new AvroKafkaSerializer<>(registry);
            case "PROTOBUF" -> new ProtobufKafkaSerializer<Message>(registry);
            default -> new JsonSchemaKafkaSerializer<>(registry);
        };
        made.configure(settings(), false);
        return (Serializer<Object>) made;
    }

    @SuppressWarnings("unchecked")
    Deserializer<Object> deserializer(ConfluentRegistry registry) {
        Deserializer<?> made = switch (type) {
            case "AVRO" -> new AvroKafkaDeserializer<>(registry);
            case "PROTOBUF" -> new ProtobufKafkaDeserializer<Message>(registry);
            default -> new JsonSchemaKafkaDeserializer<>(registry);
        };
        made.configure(settings(), false);
        return (Deserializer<Object>) made;
    }

    private Map<String, Object> settings() {
        Map<String, Object> settings = new HashMap<>();
        settings.put(registersItself() ? "apicurio.registry.auto-register" : "apicurio.registry.find-latest", true);
        if (messages != null) {
            // As Confluent's say which message of the file it is, and not by a name.
            settings.put("apicurio.registry.serde.send-indexes", true);
            settings.put("apicurio.registry.serde.read-indexes", true);
            settings.put("apicurio.registry.serde.send-type-ref", false);
            settings.put("apicurio.registry.serde.read-type-ref", false);
            settings.put("apicurio.registry.deserializer.value.return-class", messages.getName());
        }
        return settings;
    }

    List<Object> values() throws Exception {
        List<Object> values = new ArrayList<>();
        for (String line : lines) {
            values.add(switch (type) {
                case "AVRO" -> record(line);
                case "PROTOBUF" -> message(line);
                default -> new ObjectMapper().readTree(line);
            });
        }
        return values;
    }

    /** What can be compared: records are equal only if all of their schemas are. */
    Object plain(Object value) {
        if (!(value instanceof GenericRecord record)) {
            return value;
        }
        try {
            var out = new ByteArrayOutputStream();
            var encoder = EncoderFactory.get().jsonEncoder(record.getSchema(), out);
            new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
            encoder.flush();
            return out.toString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private Object record(String line) throws IOException {
        Schema.Parser parser = new Schema.Parser();
        references.values().forEach(parser::parse);
        Schema schema = parser.parse(text);
        return new GenericDatumReader<GenericRecord>(schema).read(null, DecoderFactory.get().jsonDecoder(schema, line));
    }

    private Object message(String line) throws Exception {
        var builder = (Message.Builder) messages.getMethod("newBuilder").invoke(null);
        JsonFormat.parser().merge(line, builder);
        return builder.build();
    }
}
