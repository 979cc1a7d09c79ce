import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.SecurityUtils;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;

/**
 * Asks Apache Kafka's StandardAuthorizer what tests/interop/acls/decisions.rs asked Kestrel's, and compares.
 *
 * <p>Reads its lines from standard input: sets of ACLs, and questions with Kestrel's decisions.
 */
public final class Decisions {
    private static final int SHOWN = 20;

    private final StandardAuthorizer authorizer = new StandardAuthorizer();
    private final StringBuilder set = new StringBuilder();
    private long sets;
    private long acls;
    private long decisions;
    private long allowed;
    private long differing;

    public static void main(String[] args) throws Exception {
        Decisions all = new Decisions();
        all.authorizer.withPluginMetrics(new PluginMetricsImpl(new Metrics(), Map.of()));
        all.authorizer.completeInitialLoad();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            all.read(line);
        }
        if (all.differing > 0 || all.sets == 0) {
            System.out.println(all.differing + " of " + all.decisions + " decisions differ, in " + all.sets + " sets of ACLs");
            System.exit(1);
        }
        System.out.println("ok: " + all.decisions + " decisions (" + all.allowed + " to allow) in " + all.sets + " sets of "
            + all.acls + " ACLs are those of Apache Kafka");
    }

    private void read(String line) throws Exception {
        String[] words = line.split("\t", -1);
        switch (words[0]) {
            case "set" -> begin(words);
            case "acl" -> add(words);
            case "ask" -> {
                ResourcePattern resource = new ResourcePattern(type(words[4]), words[5], PatternType.LITERAL);
                Action action = new Action(operation(words[3]), resource, 1, false, false);
                compare(line, authorizer.authorize(context(words), List.of(action)).get(0), words[6]);
                return;
            }
            case "any" -> {
                compare(line, authorizer.authorizeByResourceType(context(words), operation(words[3]), type(words[4])), words[5]);
                return;
            }
            default -> throw new IllegalArgumentException(line);
        }
        set.append("  ").append(line).append('\n');
    }

    private void begin(String[] words) {
        set.setLength(0);
        sets++;
        authorizer.loadSnapshot(Map.of());
        authorizer.configure(Map.of(
            StandardAuthorizer.ALLOW_EVERYONE_IF_NO_ACL_IS_FOUND_CONFIG, words[1],
            StandardAuthorizer.SUPER_USERS_CONFIG, words[2]));
    }

    private void add(String[] words) {
        acls++;
        authorizer.addAcl(new Uuid(1, acls), new StandardAcl(type(words[1]), words[3],
            PatternType.fromCode(Byte.parseByte(words[2])), words[4], words[5], operation(words[6]),
            AclPermissionType.fromCode(Byte.parseByte(words[7]))));
    }

    private void compare(String question, AuthorizationResult decision, String kestrels) {
        decisions++;
        boolean isAllowed = decision == AuthorizationResult.ALLOWED;
        allowed += isAllowed ? 1 : 0;
        if (isAllowed != Boolean.parseBoolean(kestrels) && ++differing <= SHOWN) {
            System.out.println("DIFFERS: Apache Kafka says " + decision + "\n" + set + "  " + question);
        }
    }

    private static AuthorizableRequestContext context(String[] words) throws Exception {
        KafkaPrincipal principal = SecurityUtils.parseKafkaPrincipal(words[1]);
        RequestHeader header = new RequestHeader(ApiKeys.FETCH, (short) 12, "decisions", 1);
        return new RequestContext(header, "1", InetAddress.getByName(words[2]), principal,
            ListenerName.forSecurityProtocol(SecurityProtocol.SASL_PLAINTEXT), SecurityProtocol.SASL_PLAINTEXT,
            ClientInformation.EMPTY, false);
    }

    private static ResourceType type(String number) {
        return ResourceType.fromCode(Byte.parseByte(number));
    }

    private static AclOperation operation(String number) {
        return AclOperation.fromCode(Byte.parseByte(number));
    }
}
