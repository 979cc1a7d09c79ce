import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * Writes the verdicts of Apache Avro for Java into compatibility.txt; README.md has how to run it.
 *
 * <p>Of a case `r` is the reader's schema and `w` the writer's. Each `=` is an incompatibility: its kind, its path, and Java's message; `= ok`
 * is none, and `!` an exception, which registries take for incompatible.
 */
class CaptureCompatibility {
    public static void main(String[] args) throws Exception {
        var file = Path.of(args[0]);
        var out = new StringBuilder();
        for (var block : Files.readString(file).strip().split("\n\n")) {
            var kept = new ArrayList<String>();
            for (var line : block.split("\n")) {
                if (!line.startsWith("=") && !line.startsWith("!")) kept.add(line);
            }
            judge(kept);
            out.append(String.join("\n", kept)).append("\n\n");
        }
        Files.writeString(file, out.toString().strip() + "\n");
    }

    static void judge(ArrayList<String> block) {
        var reader = schema(block.get(1));
        var writer = schema(block.get(2));
        try {
            var result = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult();
            for (var found : result.getIncompatibilities()) {
                block.add("= " + found.getType() + " " + found.getLocation() + " " + found.getMessage());
            }
            if (result.getIncompatibilities().isEmpty()) block.add("= ok");
        } catch (Exception refused) {
            block.add("! " + String.valueOf(refused.getMessage()).lines().findFirst().orElse(""));
        }
    }

    static Schema schema(String line) {
        return new Schema.Parser(NameValidator.UTF_VALIDATOR).setValidateDefaults(false).parse(line.substring(2));
    }
}
