import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The life of a group under the admin client: one that only commits, and one with a member. */
final class Groups {
    private Groups() {}

    static void admin(Main.Args args) throws Exception {
        String name = args.prefix + "-java-group-admin";
        Kafka.create(args, name, 3, Map.of());
        TopicPartition[] partitions = {new TopicPartition(name, 0), new TopicPartition(name, 1), new TopicPartition(name, 2)};
        try (Admin admin = Kafka.admin(args)) {
            checkOffsets(args, admin, name, partitions);
            checkMember(args, admin, name + "-member", name);
            checkErrors(admin, name + "-unknown", partitions[0]);
        }
    }

    /** A consumer whose partitions are assigned by hand commits; the admin client reads, changes and deletes that. */
    private static void checkOffsets(Main.Args args, Admin admin, String group, TopicPartition[] partitions) throws Exception {
        String text = "é\" and\nmore";
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args, group, Map.of())) {
            consumer.assign(List.of(partitions[0]));
            consumer.commitSync(Map.of(partitions[0], new OffsetAndMetadata(7, text)));
            var found = consumer.committed(Set.of(partitions));
            Check.expect("committed", found.get(partitions[0]), new OffsetAndMetadata(7, text));
            Check.expect("what nobody committed", found.get(partitions[1]), null);
        }
        Check.expect("state", state(admin, group), GroupState.EMPTY);
        Check.get(admin.alterConsumerGroupOffsets(group, Map.of(partitions[1], new OffsetAndMetadata(1, ""),
                partitions[2], new OffsetAndMetadata(2, null))).all());
        Check.expect("all offsets", offsets(admin, group), Map.of(partitions[0], 7L, partitions[1], 1L, partitions[2], 2L));
        Check.get(admin.deleteConsumerGroupOffsets(group, Set.of(partitions[0], partitions[1])).all());
        Check.expect("what is left", offsets(admin, group), Map.of(partitions[2], 2L));
        Check.get(admin.deleteConsumerGroups(List.of(group)).all());
        Check.expect("it is listed", listed(admin, group), List.of());
        Check.expect("describe it", Check.errorOf(() -> describe(admin, group)), "GroupIdNotFoundException");
        Check.expect("its offsets", offsets(admin, group), Map.of());
    }

    /** A static member is seen, and removed by the admin client. */
    private static void checkMember(Main.Args args, Admin admin, String group, String topic) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args, group, Map.of("group.instance.id", "first"))) {
            consumer.subscribe(List.of(topic));
            Check.eventually("its partitions", () -> {
                consumer.poll(java.time.Duration.ofMillis(50));
                return consumer.assignment().size();
            }, 3);
            var described = describe(admin, group);
            Check.expect("state", described.groupState(), GroupState.STABLE);
            Check.expect("assignor", described.partitionAssignor(), "range");
            Check.expect("members", described.members().size(), 1);
            var member = described.members().iterator().next();
            Check.expect("member", List.of(member.groupInstanceId().get(), member.host(), member.consumerId()),
                    List.of("first", "/127.0.0.1", consumer.groupMetadata().memberId()));
            Check.expect("its partitions", member.assignment().topicPartitions(), consumer.assignment());
            Check.expect("it is listed", listed(admin, group), List.of("consumer"));
            Check.expect("delete it", Check.errorOf(() -> Check.get(admin.deleteConsumerGroups(List.of(group)).all())),
                    "GroupNotEmptyException");
            Check.expect("delete its offsets", Check.errorOf(() -> Check.get(admin.deleteConsumerGroupOffsets(group,
                    Set.of(new TopicPartition(topic, 0))).all())), "GroupSubscribedToTopicException");
            Check.expect("change its offsets", Check.errorOf(() -> Check.get(admin.alterConsumerGroupOffsets(group,
                    Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1))).all())), "UnknownMemberIdException");
            Check.get(admin.removeMembersFromConsumerGroup(group,
                    new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("first")))).all());
            Check.expect("state after that", state(admin, group), GroupState.EMPTY);
        }
        Check.get(admin.deleteConsumerGroups(List.of(group)).all());
    }

    private static void checkErrors(Admin admin, String group, TopicPartition partition) {
        Check.expect("delete an unknown group", Check.errorOf(() -> Check.get(admin.deleteConsumerGroups(List.of(group)).all())),
                "GroupIdNotFoundException");
        Check.expect("delete offsets of an unknown group", Check.errorOf(() -> Check.get(
                admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all())), "GroupIdNotFoundException");
        Check.expect("a text that is too long", Check.errorOf(() -> Check.get(admin.alterConsumerGroupOffsets(group,
                Map.of(partition, new OffsetAndMetadata(1, "x".repeat(5_000)))).all())), "OffsetMetadataTooLarge");
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Main.Args args, String group, Map<String, Object> more) {
        Map<String, Object> settings = args.connection();
        settings.putAll(more);
        settings.putAll(Map.of("group.id", group, "enable.auto.commit", false,
                "auto.offset.reset", "earliest", "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer.RangeAssignor"));
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static org.apache.kafka.clients.admin.ConsumerGroupDescription describe(Admin admin, String group) throws Exception {
        return Check.get(admin.describeConsumerGroups(List.of(group)).describedGroups().get(group));
    }

    private static GroupState state(Admin admin, String group) throws Exception {
        return describe(admin, group).groupState();
    }

    /** Offset by partition of all that was committed. */
    private static Map<TopicPartition, Long> offsets(Admin admin, String group) throws Exception {
        return Check.get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().offset()));
    }

    /** The protocol types under which the group is listed. */
    private static List<String> listed(Admin admin, String group) throws Exception {
        return Check.get(admin.listGroups(new ListGroupsOptions()).all()).stream().filter(g -> g.groupId().equals(group))
                .map(GroupListing::protocol).toList();
    }
}
