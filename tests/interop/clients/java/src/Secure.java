import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** How to connect, from a file that ring/security.py describes; being let in for a while, and not being let in. */
final class Secure {
    private static final String MODULES = "org.apache.kafka.common.security.";

    private Secure() {}

    static Map<String, Object> settings(String file) {
        if (file == null) {
            return Map.of();
        }
        try {
            return settings(new ObjectMapper().readTree(new File(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Object> settings(JsonNode wanted) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("security.protocol", wanted.get("protocol").asText());
        if (wanted.has("ca")) {
            settings.put("ssl.truststore.type", "PEM");
            settings.put("ssl.truststore.location", wanted.get("ca").asText());
        }
        if (wanted.has("certificate")) {
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.keystore.location", wanted.get("certificate").asText());
        }
        if (wanted.has("mechanism")) {
            String mechanism = wanted.get("mechanism").asText();
            settings.put("sasl.mechanism", mechanism);
            settings.put("sasl.jaas.config", login(mechanism, wanted));
            if (mechanism.equals("OAUTHBEARER")) {
                settings.put("sasl.login.callback.handler.class", Token.class.getName());
            }
        }
        return settings;
    }

    private static String login(String mechanism, JsonNode wanted) {
        String module = switch (mechanism) {
            case "PLAIN" -> "plain.PlainLoginModule";
            case "OAUTHBEARER" -> "oauthbearer.OAuthBearerLoginModule";
            default -> "scram.ScramLoginModule";
        };
        String options = wanted.has("token") ? "token=\"%s\"".formatted(wanted.get("token").asText())
                : "username=\"%s\" password=\"%s\"".formatted(wanted.get("user").asText(), wanted.get("password").asText());
        return MODULES + module + " required " + options + ";";
    }

    /** A token that is there already, in the options of the login module. */
    public static final class Token implements AuthenticateCallbackHandler {
        private String token;

        @Override
        public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {
            token = (String) entries.get(0).getOptions().get("token");
        }

        @Override
        public void handle(Callback[] callbacks) {
            for (Callback callback : callbacks) {
                if (callback instanceof OAuthBearerTokenCallback wanted) {
                    wanted.token(new Present(token, System.currentTimeMillis() + 3_600_000));
                }
            }
        }

        @Override
        public void close() {}
    }

    private record Present(String value, long lifetimeMs) implements OAuthBearerToken {
        @Override
        public Set<String> scope() {
            return Set.of();
        }

        @Override
        public String principalName() {
            return "alice";
        }

        @Override
        public Long startTimeMs() {
            return null;
        }
    }

    /** Writes and reads for a while, whatever happens to the connections: nothing fails, is lost, doubled or out of order. */
    static void steady(Main.Args args) throws Exception {
        String topic = args.prefix + "-java-steady";
        Kafka.create(args, topic, 1, Map.of());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(args.connection(), new ByteArraySerializer(), new ByteArraySerializer())) {
            long until = System.nanoTime() + (long) (args.seconds * 1e9);
            while (System.nanoTime() < until) {
                byte[] value = String.valueOf(sent.size()).getBytes();
                sent.add(producer.send(new ProducerRecord<>(topic, 0, null, value)));
                Thread.sleep(2);
            }
        }
        long next = 0;
        for (Future<RecordMetadata> one : sent) {
            Check.expect("offset", one.get().offset(), next++);
        }
        var found = Kafka.read(args, topic, 1, 0).get(0);
        Check.expect("number of records", found.size(), sent.size());
        for (int i = 0; i < sent.size(); i++) {
            Check.expect("value " + i, new String(found.get(i).value()), String.valueOf(i));
        }
    }

    /** Is not let in, and says why. */
    static void refused(Main.Args args) {
        Map<String, Object> settings = args.connection();
        settings.putAll(Map.of("default.api.timeout.ms", 10_000, "request.timeout.ms", 10_000));
        Set<String> wanted = settings.containsKey("sasl.mechanism")
                ? Set.of("SaslAuthenticationException", "UnsupportedSaslMechanismException") : Set.of("SslAuthenticationException");
        try (Admin admin = Admin.create(settings)) {
            String error = Check.errorOf(() -> admin.listTopics().names().get());
            Check.expect(error + " is one of " + wanted, wanted.contains(error), true);
        }
    }
}
