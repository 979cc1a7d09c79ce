import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import kafka.server.ClientRequestQuotaManager;
import org.apache.kafka.common.errors.ThrottlingQuotaExceededException;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.Quota;
import org.apache.kafka.common.metrics.QuotaViolationException;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.network.Session;
import org.apache.kafka.server.config.ClientQuotaManagerConfig;
import org.apache.kafka.server.quota.ClientQuotaEntity;
import org.apache.kafka.server.quota.ClientQuotaManager;
import org.apache.kafka.server.quota.ControllerMutationQuota;
import org.apache.kafka.server.quota.ControllerMutationQuotaManager;
import org.apache.kafka.server.quota.QuotaType;
import org.apache.kafka.server.quota.QuotaUtils;

/**
 * Replays scripts of charges on Apache Kafka's own quota managers, with a clock that the script moves, and prints each line
 * with what Kafka says to it. kestrel-broker/testdata/throttles.txt is made of this; see tests/interop/throttles.
 */
public final class Throttles {
  private final HeldTime time = new HeldTime();
  private ClientQuotaManagerConfig config;
  private ClientQuotaManager quotas;
  private Sensor connections;

  public static void main(String[] args) throws Exception {
    var throttles = new Throttles();
    var lines = new BufferedReader(new InputStreamReader(System.in));
    var out = new StringBuilder();
    for (String line; (line = lines.readLine()) != null; ) {
      var asked = line.split(" = ")[0];
      var answer = asked.isBlank() || asked.startsWith("#") ? null : throttles.replay(asked.split(" "));
      out.append(asked).append(answer == null ? "" : " = " + answer).append('\n');
    }
    System.out.print(out);
    // The managers have threads of their own.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private Object replay(String[] words) throws Exception {
    switch (words[0]) {
      case "begin" -> begin(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]));
      case "at" -> time.millis = HeldTime.ORIGIN + Long.parseLong(words[1]);
      case "limit" -> limit(words[1], words[2], words[3]);
      case "back" -> quotas.unrecordQuotaSensor(session(words[1]), client(words[2]), number(words[3]), time.millis);
      case "charge" -> {
        var units = number(words[3]);
        return quotas.maybeRecordAndGetThrottleTimeMs(session(words[1]), client(words[2]), units, time.millis);
      }
      case "most" -> {
        var most = quotas.maxValueInQuotaWindow(session(words[1]), client(words[2]));
        return most == Double.MAX_VALUE || most > 1e18 ? "none" : String.valueOf((long) most);
      }
      case "strict" -> { return mutate(mutations().newStrictQuotaFor(session(words[1]), client(words[2])), words[3]); }
      case "permissive" -> {
        return mutate(mutations().newPermissiveQuotaFor(session(words[1]), client(words[2])), words[3]);
      }
      case "connect" -> { return connect(); }
      case "refuse" -> connections.record(-1.0, time.millis, false);
      default -> throw new IllegalArgumentException(words[0]);
    }
    return null;
  }

  private void begin(String kind, int windows, int seconds) {
    time.millis = HeldTime.ORIGIN;
    config = new ClientQuotaManagerConfig(windows, seconds);
    var metrics = new Metrics(time);
    quotas = switch (kind) {
      case "produce" -> new ClientQuotaManager(config, metrics, QuotaType.PRODUCE, time, "");
      case "fetch" -> new ClientQuotaManager(config, metrics, QuotaType.FETCH, time, "");
      case "request" -> new ClientRequestQuotaManager(config, metrics, time, "", Optional.empty());
      case "mutation" -> new ControllerMutationQuotaManager(config, metrics, time, "", Optional.empty());
      default -> null;
    };
    if (quotas == null) {
      var bound = Quota.upperBound(Double.parseDouble(kind.substring("connections-".length())));
      var limited = new MetricConfig().timeWindow(seconds, TimeUnit.SECONDS).samples(windows).quota(bound);
      connections = metrics.sensor("connections", limited, Long.MAX_VALUE);
      connections.add(metrics.metricName("rate", "connections"), new Rate(), null);
    }
  }

  private void limit(String user, String client, String bound) {
    Optional<ClientQuotaEntity.ConfigEntity> userEntity = switch (user) {
      case "-" -> Optional.empty();
      case "*" -> Optional.of(ClientQuotaManager.DEFAULT_USER_ENTITY);
      default -> Optional.of(new ClientQuotaManager.UserEntity(user));
    };
    Optional<ClientQuotaEntity.ConfigEntity> clientEntity = switch (client) {
      case "-" -> Optional.empty();
      case "*" -> Optional.of(ClientQuotaManager.DEFAULT_USER_CLIENT_ID);
      default -> Optional.of(new ClientQuotaManager.ClientIdEntity(client));
    };
    Optional<Quota> quota = bound.equals("-") ? Optional.empty() : Optional.of(Quota.upperBound(number(bound)));
    quotas.updateQuota(userEntity, clientEntity, quota);
  }

  private Object mutate(ControllerMutationQuota quota, String permits) {
    try {
      quota.record(number(permits));
      return quota.throttleTime();
    } catch (ThrottlingQuotaExceededException e) {
      return "refused for " + e.throttleTimeMs();
    }
  }

  private long connect() {
    try {
      connections.record(1.0, time.millis);
      return 0;
    } catch (QuotaViolationException e) {
      var longest = TimeUnit.SECONDS.toMillis(config.quotaWindowSizeSeconds());
      return QuotaUtils.boundedThrottleTime(e, longest, time.millis);
    }
  }

  private ControllerMutationQuotaManager mutations() {
    return (ControllerMutationQuotaManager) quotas;
  }

  private static Session session(String user) throws Exception {
    return new Session(new KafkaPrincipal(KafkaPrincipal.USER_TYPE, user), InetAddress.getLoopbackAddress());
  }

  private static String client(String word) {
    return word.equals("_") ? "" : word;
  }

  private static double number(String word) {
    return Double.parseDouble(word);
  }

  /** A clock that stands until it is moved. */
  private static final class HeldTime implements Time {
    static final long ORIGIN = 1_700_000_000_000L;
    long millis = ORIGIN;

    @Override public long milliseconds() { return millis; }
    @Override public long nanoseconds() { return millis * 1_000_000; }
    @Override public void sleep(long ms) { millis += ms; }
    @Override public void waitObject(Object object, Supplier<Boolean> condition, long deadline) {
      throw new UnsupportedOperationException();
    }
  }
}
