import bench.OrderOuterClass;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaDeserializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaDeserializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** Orders in one language of schemas, with Apicurio's serializers in Confluent's wire form. */
final class Formats {
    private final ConfluentRegistry registry;
    private final String format;
    private final String schema;

    Formats(Path schemas, String format, String registryUrl) throws IOException {
        this.format = format;
        this.registry = new ConfluentRegistry(registryUrl);
        this.schema = Files.readString(schemas.resolve(switch (format) {
            case "avro" -> "order.avsc";
            case "protobuf" -> "order.proto";
            default -> "order.json";
        }));
    }

    void register(String topic) {
        registry.register(topic + "-value", format.toUpperCase(java.util.Locale.ROOT), schema, Set.of());
    }

    @SuppressWarnings("unchecked")
    Serializer<Object> serializer() {
        Serializer<?> made = switch (format) {
            case "avro" -> new AvroKafkaSerializer<>(registry);
            case "protobuf" -> new ProtobufKafkaSerializer<OrderOuterClass.Order>(registry);
            default -> new JsonSchemaKafkaSerializer<>(registry);
        };
        made.configure(settings(), false);
        return (Serializer<Object>) made;
    }

    @SuppressWarnings("unchecked")
    Deserializer<Object> deserializer() {
        Deserializer<?> made = switch (format) {
            case "avro" -> new AvroKafkaDeserializer<>(registry);
            case "protobuf" -> new ProtobufKafkaDeserializer<OrderOuterClass.Order>(registry);
            default -> new JsonSchemaKafkaDeserializer<>(registry);
        };
        made.configure(settings(), false);
        return (Deserializer<Object>) made;
    }

    private Map<String, Object> settings() {
        Map<String, Object> settings = new HashMap<>(Map.of("apicurio.registry.find-latest", true));
        if (format.equals("protobuf")) {
            // As Confluent's say which message of the file it is, and not by a name.
            settings.put("apicurio.registry.serde.send-indexes", true);
            settings.put("apicurio.registry.serde.read-indexes", true);
            settings.put("apicurio.registry.serde.send-type-ref", false);
            settings.put("apicurio.registry.serde.read-type-ref", false);
            settings.put("apicurio.registry.deserializer.value.return-class", OrderOuterClass.Order.class.getName());
        }
        if (format.equals("json")) {
            settings.put("apicurio.registry.deserializer.value.return-class", Order.class.getName());
        }
        return settings;
    }

    /** The same orders as those of {@code bench/src/order.rs}. */
    Object order(int index) {
        Order order = new Order();
        order.id = 1_000_000 + index * 7_919L;
        order.customer = String.format("customer-%04d", index * 37 % 1_000);
        order.placed_at_ms = 1_767_254_400_000L + index * 1_013L;
        order.note = index % 4 == 0 ? "leave it at the door" : null;
        for (int number = 0; number < 1 + index % 3; number++) {
            Line line = new Line();
            line.sku = String.format("sku-%05d", (index * 31 + number * 17) % 100_000);
            line.quantity = 1 + (index + number) % 5;
            line.cents = 199 + 100L * ((index + number) % 50);
            order.lines.add(line);
        }
        return switch (format) {
            case "avro" -> record(order);
            case "protobuf" -> message(order);
            default -> order;
        };
    }

    private Object record(Order order) {
        Schema type = new Schema.Parser().parse(schema);
        GenericData.Record record = new GenericData.Record(type);
        record.put("id", order.id);
        record.put("customer", order.customer);
        record.put("placed_at_ms", order.placed_at_ms);
        record.put("note", order.note);
        List<Object> lines = new ArrayList<>();
        for (Line line : order.lines) {
            GenericData.Record part = new GenericData.Record(type.getField("lines").schema().getElementType());
            part.put("sku", line.sku);
            part.put("quantity", line.quantity);
            part.put("cents", line.cents);
            lines.add(part);
        }
        record.put("lines", lines);
        return record;
    }

    private static Object message(Order order) {
        var message = OrderOuterClass.Order.newBuilder().setId(order.id).setCustomer(order.customer).setPlacedAtMs(order.placed_at_ms);
        if (order.note != null) {
            message.setNote(order.note);
        }
        for (Line line : order.lines) {
            message.addLines(OrderOuterClass.Line.newBuilder().setSku(line.sku).setQuantity(line.quantity).setCents(line.cents));
        }
        return message.build();
    }

    /** An order as Jackson reads and writes it. */
    public static final class Order {
        public long id;
        public String customer;
        public long placed_at_ms;
        public String note;
        public List<Line> lines = new ArrayList<>();
    }

    /** What was ordered. */
    public static final class Line {
        public String sku;
        public int quantity;
        public long cents;
    }
}
