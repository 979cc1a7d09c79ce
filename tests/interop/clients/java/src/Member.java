import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A member of a group that says in JSON lines what it does, until its standard input ends (see ring/member.py). */
final class Member implements ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of("range", "RangeAssignor", "roundrobin",
            "RoundRobinAssignor", "sticky", "StickyAssignor", "cooperative-sticky", "CooperativeStickyAssignor");

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Set<TopicPartition> unseen = new HashSet<>();
    private volatile boolean stopping;

    private Member(Map<String, Object> settings) {
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void run(Main.Args args) {
        new Member(settings(args)).consume(args.topics);
    }

    /** The settings of a consumer that is a member as the command line says. */
    static Map<String, Object> settings(Main.Args args) {
        Map<String, Object> settings = args.connection();
        settings.put("group.id", args.group);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        settings.put("session.timeout.ms", args.sessionMs);
        settings.put("heartbeat.interval.ms", 300);
        settings.put("fetch.max.wait.ms", 100);
        settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer." + ASSIGNORS.get(args.assignor));
        if (args.instance != null) {
            settings.put("group.instance.id", args.instance);
        }
        return settings;
    }

    private void consume(List<String> topics) {
        onEndOfInput(() -> stopping = true);
        consumer.subscribe(topics, this);
        while (!stopping) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
            find();
            Map<TopicPartition, OffsetAndMetadata> offsets = new TreeMap<>((a, b) -> a.partition() - b.partition());
            for (ConsumerRecord<byte[], byte[]> record : records) {
                say("record", "\"partition\":%d,\"offset\":%d".formatted(record.partition(), record.offset()));
                offsets.put(new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1, "java at " + (record.offset() + 1)));
            }
            if (!offsets.isEmpty()) {
                commit(offsets);
            }
        }
        consumer.close();
        say("closed", "");
    }

    /** Does something when standard input has ended, on another thread. */
    static void onEndOfInput(Runnable then) {
        Thread input = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // What comes is not for us.
                }
            } catch (java.io.IOException e) {
                e.printStackTrace();
            }
            then.run();
        });
        input.setDaemon(true);
        input.start();
    }

    /** Says what was committed for partitions that were assigned since the last call. */
    private void find() {
        if (unseen.isEmpty()) {
            return;
        }
        consumer.committed(unseen).forEach((partition, found) -> {
            if (found != null) {
                say("found", "\"partition\":%d,\"offset\":%d,\"metadata\":\"%s\"".formatted(partition.partition(),
                        found.offset(), escaped(found.metadata())));
            }
        });
        unseen.clear();
    }

    private void commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        try {
            consumer.commitSync(offsets);
            say("committed", "\"offsets\":{" + offsets.entrySet().stream().map(e -> "\"%d\":%d".formatted(
                    e.getKey().partition(), e.getValue().offset())).collect(Collectors.joining(",")) + "}");
        } catch (CommitFailedException | RebalanceInProgressException e) {
            say("commit-failed", "\"why\":\"" + e.getClass().getSimpleName() + "\"");
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        unseen.addAll(partitions);
        var member = consumer.groupMetadata();
        say("assigned", list(partitions) + ",\"member\":\"%s\",\"generation\":%d".formatted(member.memberId(), member.generationId()));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        unseen.removeAll(partitions);
        say("revoked", list(partitions));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        unseen.removeAll(partitions);
        say("lost", list(partitions));
    }

    /** As JSON wants it: texts of other members may hold anything. */
    private static String escaped(String text) {
        return text.chars().mapToObj(c -> c < ' ' || c == '"' || c == '\\' ? "\\u%04x".formatted(c) : Character.toString(c))
                .collect(Collectors.joining());
    }

    private static String list(Collection<TopicPartition> partitions) {
        return "\"partitions\":" + partitions.stream().map(TopicPartition::partition).sorted().toList();
    }

    static synchronized void say(String event, String more) {
        System.out.println("{\"event\":\"%s\",\"at\":%d%s}".formatted(event, System.currentTimeMillis(),
                more.isEmpty() ? "" : "," + more));
        System.out.flush();
    }
}
