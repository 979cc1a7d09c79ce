// Asks Apache Kafka's own assignors about random groups; prints one group with its answer per line.
// See README.md for how to run it.

import java.nio.ByteBuffer;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.*;

public class AssignorAnswers {
    static Random random;
    static final String[] RACKS = {"ra", "rb", "rc"};

    static class Member {
        String id;
        Optional<String> instance = Optional.empty();
        Optional<String> rack = Optional.empty();
        List<String> topics;
        List<TopicPartition> last = null;
        int generation = -1;
    }

    static class Group {
        String kind;
        boolean racks;
        boolean alike;
        int generation = 0;
        int made = 0;
        TreeMap<String, List<List<String>>> topics = new TreeMap<>();
        List<Member> members = new ArrayList<>();
    }

    // Arguments: the seed of the random groups, and how many groups for each assignor.
    public static void main(String[] args) {
        random = new Random(args.length > 0 ? Long.parseLong(args[0]) : 4);
        int groups = args.length > 1 ? Integer.parseInt(args[1]) : 24;
        for (String kind : List.of("range", "roundrobin", "sticky", "cooperative-sticky")) {
            for (int i = 0; i < groups; i++) {
                Group group = newGroup(kind, i % 3 == 2, i % 2 == 0);
                for (int step = 0; step < 3; step++) {
                    ask(group);
                    change(group);
                }
            }
        }
    }

    static Group newGroup(String kind, boolean racks, boolean alike) {
        Group group = new Group();
        group.kind = kind;
        group.racks = racks;
        group.alike = alike;
        int topics = 1 + random.nextInt(4);
        int same = 1 + random.nextInt(7);
        for (int t = 0; t < topics; t++)
            addTopic(group, "t" + t, random.nextBoolean() ? same : 1 + random.nextInt(9));
        int members = 1 + random.nextInt(6);
        boolean isStatic = random.nextInt(3) == 0;
        for (int m = 0; m < members; m++) addMember(group, isStatic);
        return group;
    }

    static void addTopic(Group group, String name, int partitions) {
        List<List<String>> all = new ArrayList<>();
        for (int p = 0; p < partitions; p++) {
            List<String> racks = new ArrayList<>(List.of(RACKS));
            Collections.shuffle(racks, random);
            all.add(group.racks ? new ArrayList<>(racks.subList(0, 1 + random.nextInt(2))) : List.of());
        }
        group.topics.put(name, all);
    }

    static void addMember(Group group, boolean isStatic) {
        Member member = new Member();
        member.id = "m" + random.nextInt(900) + "-" + group.made++;
        if (isStatic && random.nextInt(4) > 0) member.instance = Optional.of("i" + (char) ('z' - group.made));
        if (group.racks && random.nextInt(5) > 0) member.rack = Optional.of(RACKS[random.nextInt(3)]);
        List<String> topics = new ArrayList<>(group.topics.keySet());
        if (!group.alike) {
            Collections.shuffle(topics, random);
            topics = topics.subList(0, 1 + random.nextInt(topics.size()));
        }
        if (random.nextInt(8) == 0) topics.add("missing");
        member.topics = new ArrayList<>(topics);
        group.members.add(member);
    }

    // Members come and go, sometimes without having heard of the last assignment; topics grow.
    static void change(Group group) {
        int what = random.nextInt(6);
        if (what <= 1 || group.members.size() == 1)
            for (int i = 0; i <= random.nextInt(2); i++) addMember(group, false);
        else if (what == 2 || what == 3) group.members.remove(random.nextInt(group.members.size()));
        else if (what == 4) {
            addMember(group, false);
            group.members.remove(0);
        } else {
            String topic = group.topics.firstKey();
            int partitions = group.topics.get(topic).size();
            addTopic(group, topic, partitions + 2);
        }
    }

    static void ask(Group group) {
        Map<String, Subscription> subscriptions = new TreeMap<>();
        Map<String, String> metadata = new TreeMap<>();
        for (Member member : group.members) {
            boolean cooperative = group.kind.equals("cooperative-sticky");
            List<TopicPartition> owned = cooperative && member.last != null
                ? member.last.stream().filter(p -> member.topics.contains(p.topic())).collect(Collectors.toList())
                : List.of();
            Subscription said = new Subscription(
                member.topics, userData(group, member), owned, member.generation, member.rack);
            ByteBuffer bytes = ConsumerProtocol.serializeSubscription(said);
            metadata.put(member.id, hex(bytes));
            Subscription heard = ConsumerProtocol.deserializeSubscription(bytes);
            heard.setGroupInstanceId(member.instance);
            subscriptions.put(member.id, heard);
        }
        Map<String, Assignment> answer =
            assignor(group.kind).assign(cluster(group), new GroupSubscription(subscriptions)).groupAssignment();
        print(group, metadata, answer);
        group.generation++;
        for (Member member : group.members) {
            if (random.nextInt(10) == 0) continue;
            member.last = answer.get(member.id).partitions();
            member.generation = group.generation;
        }
    }

    static ConsumerPartitionAssignor assignor(String kind) {
        switch (kind) {
            case "range": return new RangeAssignor();
            case "roundrobin": return new RoundRobinAssignor();
            case "sticky": return new StickyAssignor();
            default: return new CooperativeStickyAssignor();
        }
    }

    static ByteBuffer userData(Group group, Member member) {
        ConsumerPartitionAssignor assignor = assignor(group.kind);
        if (member.last != null)
            assignor.onAssignment(
                new Assignment(member.last),
                new ConsumerGroupMetadata("g", member.generation, member.id, member.instance));
        return assignor.subscriptionUserData(new HashSet<>(member.topics));
    }

    static Cluster cluster(Group group) {
        Map<String, Node> nodes = new TreeMap<>();
        for (String rack : RACKS) nodes.put(rack, new Node(nodes.size(), "h", 1, rack));
        Node plain = new Node(9, "h", 1, null);
        List<PartitionInfo> partitions = new ArrayList<>();
        group.topics.forEach((topic, all) -> {
            for (int p = 0; p < all.size(); p++) {
                Node[] replicas = all.get(p).stream().map(nodes::get).toArray(Node[]::new);
                if (replicas.length == 0) replicas = new Node[] {plain};
                partitions.add(new PartitionInfo(topic, p, replicas[0], replicas, replicas));
            }
        });
        nodes.put("", plain);
        return new Cluster("c", nodes.values(), partitions, Set.of(), Set.of());
    }

    static void print(Group group, Map<String, String> metadata, Map<String, Assignment> answer) {
        String topics = group.topics.entrySet().stream()
            .map(e -> quote(e.getKey()) + ":" + e.getValue().stream()
                .map(racks -> racks.stream().map(AssignorAnswers::quote).collect(Collectors.joining(",", "[", "]")))
                .collect(Collectors.joining(",", "[", "]")))
            .collect(Collectors.joining(",", "{", "}"));
        String members = group.members.stream()
            .map(m -> "{\"id\":" + quote(m.id)
                + m.instance.map(i -> ",\"instance\":" + quote(i)).orElse("")
                + ",\"metadata\":" + quote(metadata.get(m.id))
                + ",\"assignment\":" + quote(hex(ConsumerProtocol.serializeAssignment(answer.get(m.id)))) + "}")
            .collect(Collectors.joining(",", "[", "]"));
        System.out.println("{\"assignor\":" + quote(group.kind) + ",\"topics\":" + topics + ",\"members\":" + members + "}");
    }

    static String quote(String text) {
        return "\"" + text + "\"";
    }

    static String hex(ByteBuffer bytes) {
        StringBuilder text = new StringBuilder();
        for (int i = bytes.position(); i < bytes.limit(); i++) text.append(String.format("%02x", bytes.get(i)));
        return text.toString();
    }
}
