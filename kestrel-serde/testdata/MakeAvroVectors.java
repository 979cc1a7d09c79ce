import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Writes avro_vectors.json from avro_cases.json with Apache Avro for Java, the reference implementation (1.12.1 when this was run):
 *
 * <p>java -cp 'avro-1.12.1.jar:and:what:it:needs' MakeAvroVectors.java avro_cases.json > avro_vectors.json
 *
 * <p>A case is a writer's schema, a reader's schema and values in Avro's JSON encoding for the writer's schema. A vector is one value: `written`
 * are its bytes, `resolved` the bytes of what the reader made of them, or null with the words of `refused`.
 */
class MakeAvroVectors {
    public static void main(String[] args) throws Exception {
        var mapper = new ObjectMapper();
        var separator = "[\n";
        for (JsonNode test : mapper.readTree(new File(args[0]))) {
            for (JsonNode value : test.get("values")) {
                System.out.print(separator + mapper.writeValueAsString(vector(mapper, test, value)));
                separator = ",\n";
            }
        }
        System.out.println("\n]");
    }

    static ObjectNode vector(ObjectMapper mapper, JsonNode test, JsonNode value) throws Exception {
        var writer = new Schema.Parser().parse(test.get("writer").toString());
        var reader = new Schema.Parser().parse(test.get("reader").toString());
        var json = DecoderFactory.get().jsonDecoder(writer, value.toString());
        var written = write(writer, new GenericDatumReader<>(writer).read(null, json));

        var vector = mapper.createObjectNode();
        vector.set("name", test.get("name"));
        vector.set("writer", test.get("writer"));
        vector.set("reader", test.get("reader"));
        vector.put("written", HexFormat.of().formatHex(written));
        try {
            var read = new GenericDatumReader<>(writer, reader).read(null, DecoderFactory.get().binaryDecoder(written, null));
            vector.put("resolved", HexFormat.of().formatHex(write(reader, read)));
        } catch (Exception refused) {
            vector.putNull("resolved");
            vector.put("refused", String.valueOf(refused.getMessage()).lines().findFirst().orElse(""));
        }
        return vector;
    }

    static byte[] write(Schema schema, Object datum) throws Exception {
        var out = new ByteArrayOutputStream();
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(datum, encoder);
        encoder.flush();
        return out.toByteArray();
    }
}
