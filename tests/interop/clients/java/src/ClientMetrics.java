import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.server.telemetry.ClientTelemetryContext;
import org.apache.kafka.server.telemetry.ClientTelemetryExporter;
import org.apache.kafka.server.telemetry.ClientTelemetryExporterProvider;
import org.apache.kafka.server.telemetry.ClientTelemetryPayload;
import org.apache.kafka.shaded.com.google.protobuf.InvalidProtocolBufferException;
import org.apache.kafka.shaded.io.opentelemetry.proto.common.v1.KeyValue;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.Metric;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.MetricsData;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.NumberDataPoint;

/**
 * Shows what clients push to Apache Kafka as kestrel-broker shows it: a reporter for `metric.reporters`, with the address that
 * `interop.metrics.listen` says. Read by Apache Kafka's own classes, so that what ours reads can be held against it.
 */
public final class ClientMetrics implements MetricsReporter, ClientTelemetryExporterProvider {
    /** The series that clients have pushed, each once: names and labels, no values. */
    private final Map<String, Boolean> series = new ConcurrentHashMap<>();
    private HttpServer server;

    @Override
    public void configure(Map<String, ?> configs) {
        Object listen = configs.get("interop.metrics.listen");
        if (listen == null) {
            return;
        }
        String[] address = listen.toString().split(":");
        try {
            server = HttpServer.create(new InetSocketAddress(address[0], Integer.parseInt(address[1])), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/metrics", exchange -> {
            StringBuilder text = new StringBuilder();
            new TreeSet<>(series.keySet()).forEach(name -> text.append(name).append(" 1\n"));
            byte[] body = text.toString().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    @Override
    public ClientTelemetryExporter clientTelemetryExporter() {
        return this::export;
    }

    private void export(ClientTelemetryContext context, ClientTelemetryPayload payload) {
        MetricsData data;
        try {
            data = MetricsData.parseFrom(payload.data());
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException(e);
        }
        String client = context.authorizableRequestContext().clientId();
        data.getResourceMetricsList().forEach(resource -> resource.getScopeMetricsList().forEach(scope ->
                scope.getMetricsList().forEach(metric -> tell(payload.clientInstanceId().toString(), client, metric))));
    }

    private void tell(String instance, String client, Metric metric) {
        boolean isCounter = metric.hasSum() && metric.getSum().getIsMonotonic();
        List<NumberDataPoint> points =
                metric.hasSum() ? metric.getSum().getDataPointsList() : metric.getGauge().getDataPointsList();
        for (NumberDataPoint point : points) {
            TreeSet<String> attributes = new TreeSet<>();
            for (KeyValue pair : point.getAttributesList()) {
                attributes.add(pair.getKey() + "=" + pair.getValue().getStringValue());
            }
            series.put(String.format("%s{client_instance_id=\"%s\",client_id=\"%s\",metric=\"%s\",attributes=\"%s\"}",
                    isCounter ? "kestrel_client_sum_total" : "kestrel_client_value", instance, client, metric.getName(),
                    String.join(",", attributes)), true);
        }
    }

    @Override
    public void init(List<KafkaMetric> metrics) { }

    @Override
    public void metricChange(KafkaMetric metric) { }

    @Override
    public void metricRemoval(KafkaMetric metric) { }

    @Override
    public void close() {
        if (server != null) {
            server.stop(0);
        }
    }
}
