import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;

/** The life of a topic under the admin client. */
final class Topics {
    private Topics() {}

    /** Makes the topics that other scenarios need, each given as NAME:PARTITIONS. */
    static void create(Main.Args args) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (String topic : args.topics) {
            int colon = topic.lastIndexOf(':');
            topics.add(new NewTopic(topic.substring(0, colon), Integer.parseInt(topic.substring(colon + 1)), (short) 1));
        }
        try (Admin admin = Kafka.admin(args)) {
            Check.get(admin.createTopics(topics).all());
            List<String> names = topics.stream().map(NewTopic::name).toList();
            // A broker may learn of them a little later than the controller that answered.
            Check.eventually("all are listed", () -> Check.get(admin.listTopics().names()).containsAll(names), true);
        }
    }

    static void admin(Main.Args args) throws Exception {
        String topic = args.prefix + "-java-admin";
        try (Admin admin = Kafka.admin(args)) {
            checkCluster(admin);
            checkDefaults(admin, topic + "-defaults");
            Kafka.create(args, topic, 2, Map.of("cleanup.policy", "compact", "max.message.bytes", "2000"));
            checkTopic(admin, topic, 2);
            Check.get(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all());
            checkTopic(admin, topic, 5);
            checkConfigs(admin, new ConfigResource(ConfigResource.Type.TOPIC, topic));
            Kafka.writeTimes(args, topic, "none");
            TopicPartition partition = new TopicPartition(topic, 0);
            var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(3)));
            Check.expect("low watermark", Check.get(deleted.lowWatermarks().get(partition)).lowWatermark(), 3L);
            List<Long> left = new ArrayList<>();
            Kafka.read(args, topic, 1, 3).get(0).forEach(record -> left.add(record.offset()));
            Check.expect("what is left", left, List.of(3L));
            Check.get(admin.deleteTopics(List.of(topic)).all());
            Check.eventually("the topic is gone", () -> Check.get(admin.listTopics().names()).contains(topic), false);
        }
    }

    private static void checkCluster(Admin admin) throws Exception {
        var cluster = admin.describeCluster();
        Collection<Node> nodes = Check.get(cluster.nodes());
        Check.expect("the controller is a node", nodes.contains(Check.get(cluster.controller())), true);
        Check.expect("there is a cluster id", Check.get(cluster.clusterId()).isEmpty(), false);
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, nodes.iterator().next().idString());
        Config configs = Check.get(admin.describeConfigs(List.of(broker)).all()).get(broker);
        Check.expect("the broker's node id", configs.get("node.id").value(), nodes.iterator().next().idString());
        Check.expect("which cannot be changed", configs.get("node.id").isReadOnly(), true);
    }

    /** Without numbers of its own a topic gets the broker's, and the answer says which. */
    private static void checkDefaults(Admin admin, String topic) throws Exception {
        NewTopic defaults = new NewTopic(topic, Optional.empty(), Optional.empty());
        var trial = admin.createTopics(List.of(defaults), new CreateTopicsOptions().validateOnly(true));
        Check.get(trial.all());
        Check.expect("a trial makes nothing", Check.get(admin.listTopics().names()).contains(topic), false);
        var created = admin.createTopics(List.of(defaults));
        Check.expect("partitions by default", Check.get(created.numPartitions(topic)), 1);
        Check.expect("replicas by default", Check.get(created.replicationFactor(topic)), 1);
        Check.expect("a config by default", Check.get(created.config(topic)).get("segment.bytes").value(), "1073741824");
        Uuid id = Check.get(created.topicId(topic));
        Check.eventually("the topic is listed", () -> Check.get(admin.listTopics().names()).contains(topic), true);
        Check.expect("its id", Check.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).topicId(), id);
        Check.get(admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
    }

    private static void checkTopic(Admin admin, String topic, int partitions) throws Exception {
        Check.eventually("partitions", () -> describe(admin, topic).partitions().size(), partitions);
        TopicDescription found = describe(admin, topic);
        Check.expect("is internal", found.isInternal(), false);
        Check.expect("has no id", found.topicId().equals(Uuid.ZERO_UUID), false);
        Check.expect("partitions", found.partitions().stream().map(TopicPartitionInfo::partition).toList(),
                IntStream.range(0, partitions).boxed().toList());
        for (TopicPartitionInfo p : found.partitions()) {
            Check.expect("replicas", p.replicas(), List.of(p.leader()));
            Check.expect("in-sync replicas", p.isr(), List.of(p.leader()));
        }
    }

    private static TopicDescription describe(Admin admin, String topic) throws Exception {
        return Check.get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
    }

    private static void checkConfigs(Admin admin, ConfigResource topic) throws Exception {
        expectConfig(admin, topic, "cleanup.policy", "compact", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        expectConfig(admin, topic, "segment.bytes", "1073741824", ConfigSource.DEFAULT_CONFIG);
        alter(admin, topic, "max.message.bytes", "3000", OpType.SET);
        expectConfig(admin, topic, "max.message.bytes", "3000", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        alter(admin, topic, "cleanup.policy", "delete", OpType.APPEND);
        expectConfig(admin, topic, "cleanup.policy", "compact,delete", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        alter(admin, topic, "cleanup.policy", "compact", OpType.SUBTRACT);
        expectConfig(admin, topic, "cleanup.policy", "delete", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        alter(admin, topic, "max.message.bytes", null, OpType.DELETE);
        expectConfig(admin, topic, "max.message.bytes", "1048588", ConfigSource.DEFAULT_CONFIG);
        Config configs = configs(admin, topic);
        Check.expect("type of a config", configs.get("max.message.bytes").type(), ConfigEntry.ConfigType.INT);
        Check.expect("it is documented", configs.get("max.message.bytes").documentation().isEmpty(), false);
        Check.expect("what stands behind it", configs.get("max.message.bytes").synonyms().stream()
                .map(s -> s.name() + " " + s.source()).toList(), List.of("message.max.bytes DEFAULT_CONFIG"));
    }

    private static void alter(Admin admin, ConfigResource topic, String name, String value, OpType op) throws Exception {
        var change = List.of(new AlterConfigOp(new ConfigEntry(name, value), op));
        Check.get(admin.incrementalAlterConfigs(Map.of(topic, change)).all());
    }

    private static void expectConfig(Admin admin, ConfigResource topic, String name, String value, ConfigSource source)
            throws Exception {
        Check.eventually(name, () -> configs(admin, topic).get(name).value(), value);
        Check.expect("source of " + name, configs(admin, topic).get(name).source(), source);
    }

    private static Config configs(Admin admin, ConfigResource topic) throws Exception {
        var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        return Check.get(admin.describeConfigs(List.of(topic), options).all()).get(topic);
    }
}
