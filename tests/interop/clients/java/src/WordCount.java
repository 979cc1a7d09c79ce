import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Counts words with Kafka Streams, exactly once. The application ({@link WordCountApp}) runs in a process of its own,
 * which is killed when a third of its results is there, and started again.
 *
 * <p>Every word makes a result that says how often it came so far, another one for its window of time, and a third if its
 * class is in a table: so that what is missing, doubled or out of order shows.
 */
final class WordCount implements AutoCloseable {
    static final int PARTITIONS = 3;
    static final Duration WINDOW = Duration.ofSeconds(10);
    private static final int LINES = 2_000;
    private static final int WORDS_PER_LINE = 3;
    private static final long STEP_MS = 25;
    // Not long ago: the changelog of the windows is deleted as they grow old.
    private static final long BASE = System.currentTimeMillis() - LINES * STEP_MS;
    private static final List<String> WORDS = List.of("record", "batch", "offset", "lag", "log", "epoch", "topic", "key");
    // All results that ever come are there for so long without another one.
    private static final Duration QUIET = Duration.ofSeconds(1);

    private final Main.Args args;
    private final String prefix;
    private final Path state;
    private final List<Process> lives = new ArrayList<>();
    private final Map<String, Long> found = new TreeMap<>();
    private long results;

    private WordCount(Main.Args args) throws IOException {
        this.args = args;
        prefix = args.prefix + "-streams";
        state = Files.createTempDirectory("interop-streams-");
    }

    static void run(Main.Args args) throws Exception {
        try (WordCount count = new WordCount(args)) {
            count.write();
            count.begin();
            count.read();
        }
    }

    static String topic(String prefix, String what) {
        return prefix + "-" + what;
    }

    /** Words of even length are in the table. */
    private static boolean hasClass(String word) {
        return word.length() % 2 == 0;
    }

    private static String word(int line, int number) {
        return WORDS.get((line * (2 * number + 1) + number) % WORDS.size());
    }

    private static long time(int line) {
        return BASE + (line + 1) * STEP_MS;
    }

    private void write() throws Exception {
        for (String what : List.of("lines", "classes", "counts", "windows", "joined")) {
            Kafka.create(args, topic(prefix, what), PARTITIONS, Map.of());
        }
        List<ProducerRecord<byte[], byte[]>> classes = WORDS.stream().filter(WordCount::hasClass).map(word -> record(
                "classes", BASE, word, word.toUpperCase())).toList();
        Check.expect("failures", Kafka.write(args, classes, Map.of()), List.of());
        List<ProducerRecord<byte[], byte[]>> lines = new ArrayList<>();
        for (int line = 0; line < LINES; line++) {
            List<String> words = new ArrayList<>();
            for (int number = 0; number < WORDS_PER_LINE; number++) {
                words.add(word(line, number));
            }
            lines.add(record("lines", time(line), "line " + line, String.join(" ", words)));
        }
        Check.expect("failures", Kafka.write(args, lines, Map.of()), List.of());
    }

    private ProducerRecord<byte[], byte[]> record(String what, long time, String key, String value) {
        return new ProducerRecord<>(topic(prefix, what), null, time, key.getBytes(), value.getBytes());
    }

    /** What has to come of all lines: how often each key of each topic. */
    private static Map<String, Long> wanted() {
        Map<String, Long> wanted = new TreeMap<>();
        for (int line = 0; line < LINES; line++) {
            for (int number = 0; number < WORDS_PER_LINE; number++) {
                String word = word(line, number);
                wanted.merge("counts " + word, 1L, Long::sum);
                wanted.merge("windows " + word + "@" + (time(line) / WINDOW.toMillis() * WINDOW.toMillis()), 1L, Long::sum);
                if (hasClass(word)) {
                    wanted.merge("joined " + word + " " + word.toUpperCase(), 1L, Long::sum);
                }
            }
        }
        return wanted;
    }

    private void begin() throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"), "WordCountApp", prefix,
                state.toString()));
        args.connection().forEach((name, value) -> command.add(name + "=" + value));
        lives.add(new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    /** Reads results until all are there and no more comes; kills the application on the way. */
    private void read() throws IOException {
        Map<String, Long> wanted = wanted();
        long count = wanted.values().stream().mapToLong(Long::longValue).sum();
        args.isolation = "read_committed";
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(args)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String what : List.of("counts", "windows", "joined")) {
                for (int partition = 0; partition < PARTITIONS; partition++) {
                    partitions.add(new TopicPartition(topic(prefix, what), partition));
                }
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long last = System.nanoTime();
            while (results < count || System.nanoTime() - last < QUIET.toNanos()) {
                var records = consumer.poll(Duration.ofMillis(100));
                records.forEach(this::take);
                last = records.isEmpty() ? last : System.nanoTime();
                Process life = lives.get(lives.size() - 1);
                if (lives.size() == 1 && results > count / 3) {
                    life.destroyForcibly();
                    begin();
                } else if (!life.isAlive() || System.nanoTime() - last > Check.DEADLINE.toNanos()) {
                    throw new Check.Differs("life %d: %d results of %d, found where it differs: %s".formatted(lives.size(),
                            results, count, differences(wanted)));
                }
            }
        }
        Check.expect("lives", lives.size(), 2);
        Check.expect("results where they differ", differences(wanted), Map.of());
    }

    private Map<String, Long> differences(Map<String, Long> wanted) {
        Map<String, Long> differences = new TreeMap<>(wanted);
        differences.replaceAll((key, count) -> found.getOrDefault(key, 0L));
        differences.entrySet().removeIf(found -> found.getValue().equals(wanted.get(found.getKey())));
        return differences;
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        results++;
        String what = record.topic().substring(prefix.length() + 1), value = new String(record.value());
        String key = what + " " + new String(record.key());
        if (what.equals("joined")) {
            found.merge(key + " " + value, 1L, Long::sum);
        } else {
            // One more than the last time: nothing is missing, doubled or out of order.
            Check.expect(key, Long.parseLong(value), found.merge(key, 1L, Long::sum));
        }
    }

    @Override
    public void close() throws IOException {
        lives.forEach(Process::destroyForcibly);
        try (var files = Files.walk(state)) {
            files.sorted((a, b) -> b.compareTo(a)).forEach(file -> file.toFile().delete());
        }
    }
}
