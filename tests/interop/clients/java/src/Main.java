import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Interop scenarios of Apache Kafka's own client.
 *
 * <pre>java Main SCENARIO --bootstrap HOST:PORT [--prefix NAME] [--topic NAME]... [--records FILE] [--codec NAME]</pre>
 */
public final class Main {
    interface Scenario {
        void run(Args args) throws Exception;
    }

    private static final Map<String, Scenario> SCENARIOS = new LinkedHashMap<>();

    static {
        SCENARIOS.put("produce", Data::produce);
        SCENARIOS.put("consume", Data::consume);
        SCENARIOS.put("acks", Data::acks);
        SCENARIOS.put("offsets", Offsets::offsets);
        SCENARIOS.put("log-append-time", Data::logAppendTime);
        SCENARIOS.put("admin", Topics::admin);
        SCENARIOS.put("errors", Failures::errors);
        SCENARIOS.put("group-admin", Groups::admin);
        SCENARIOS.put("topics", Topics::create);
        SCENARIOS.put("steady", Secure::steady);
        SCENARIOS.put("refused", Secure::refused);
        SCENARIOS.put("member", Member::run);
        SCENARIOS.put("transactor", Transactor::run);
        SCENARIOS.put("copier", Copier::run);
        SCENARIOS.put("word-count", WordCount::run);
    }

    /** What the command line says. */
    static final class Args {
        String bootstrap;
        String prefix = "interop";
        final List<String> topics = new ArrayList<>();
        String records;
        String codec = "none";
        String group;
        String assignor = "range";
        String instance;
        int sessionMs = 6_000;
        double seconds = 8;
        String isolation = "read_uncommitted";
        String id;
        int timeoutMs = 60_000;
        int hold;
        String security;

        Args(String[] words) {
            for (int i = 1; i + 1 < words.length; i += 2) {
                String value = words[i + 1];
                switch (words[i]) {
                    case "--bootstrap" -> bootstrap = value;
                    case "--prefix" -> prefix = value;
                    case "--topic" -> topics.add(value);
                    case "--records" -> records = value;
                    case "--codec" -> codec = value;
                    case "--group" -> group = value;
                    case "--assignor" -> assignor = value;
                    case "--instance" -> instance = value;
                    case "--session-ms" -> sessionMs = Integer.parseInt(value);
                    case "--seconds" -> seconds = Double.parseDouble(value);
                    case "--isolation" -> isolation = value;
                    case "--id" -> id = value;
                    case "--timeout-ms" -> timeoutMs = Integer.parseInt(value);
                    case "--hold" -> hold = Integer.parseInt(value);
                    case "--security" -> security = value;
                    default -> throw new IllegalArgumentException("unknown option " + words[i]);
                }
            }
        }

        /** The settings by which every client finds the broker and is let in. */
        Map<String, Object> connection() {
            Map<String, Object> settings = new HashMap<>(Secure.settings(security));
            settings.put("bootstrap.servers", bootstrap);
            return settings;
        }
    }

    public static void main(String[] words) {
        Scenario scenario = words.length == 0 ? null : SCENARIOS.get(words[0]);
        if (scenario == null) {
            System.err.println("usage: Main " + String.join("|", SCENARIOS.keySet()) + " --bootstrap HOST:PORT");
            System.exit(2);
        }
        try {
            scenario.run(new Args(words));
        } catch (Check.Differs e) {
            fail(words[0], e.getMessage());
        } catch (Exception e) {
            e.printStackTrace();
            fail(words[0], e.toString());
        }
        System.out.println("ok java " + words[0]);
        System.exit(0);
    }

    private static void fail(String scenario, String why) {
        System.err.println("FAILED java " + scenario + ": " + why);
        System.exit(1);
    }
}
