import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;

/**
 * Writes what Apache Avro for Java says of each case into canonical.txt; README.md has how to run it.
 *
 * <p>Of a case the lines `>` are the text, each `&` is a schema that it refers to. `=` is what Schema.toString makes of it, and stands in
 * place of `!` and the reason where Java refuses it. Lines `~` are left alone.
 */
class CaptureCanonical {
    public static void main(String[] args) throws Exception {
        var file = Path.of(args[0]);
        var out = new StringBuilder();
        for (var block : Files.readString(file).strip().split("\n\n")) {
            var text = new StringBuilder();
            var dependencies = new ArrayList<String>();
            var kept = new ArrayList<String>();
            for (var line : block.split("\n")) {
                if (line.startsWith("=") || line.startsWith("!")) continue;
                if (line.startsWith("> ")) text.append(line.substring(2)).append('\n');
                if (line.startsWith("& ")) dependencies.add(line.substring(2));
                kept.add(line);
            }
            var answer = answer(text.toString(), dependencies);
            var at = kept.size() > 0 && kept.get(kept.size() - 1).startsWith("~") ? kept.size() - 1 : kept.size();
            kept.add(at, answer);
            out.append(String.join("\n", kept)).append("\n\n");
        }
        Files.writeString(file, out.toString().strip() + "\n");
    }

    /** As a registry reads schemas that it has: names of any script, defaults as they are. */
    static Schema.Parser parser() {
        return new Schema.Parser(NameValidator.UTF_VALIDATOR).setValidateDefaults(false);
    }

    static String answer(String text, List<String> dependencies) {
        try {
            var parser = parser();
            var known = new ArrayList<Schema>();
            for (var dependency : dependencies) known.add(parser.parse(dependency));
            return "= " + parser.parse(text).toString(known, false);
        } catch (Exception refused) {
            return "! " + String.valueOf(refused.getMessage()).lines().findFirst().orElse("");
        }
    }
}
