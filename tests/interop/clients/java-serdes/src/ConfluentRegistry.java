import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.resolver.client.RegistryArtifactReference;
import io.apicurio.registry.resolver.client.RegistryClientFacade;
import io.apicurio.registry.resolver.client.RegistryVersionCoordinates;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Confluent's REST API, for Apicurio's serializers, which ask for schemas by an interface and know Apicurio's own API alone.
 *
 * <p>An artifact is a subject, and both of its ids are the schema's.
 */
final class ConfluentRegistry implements RegistryClientFacade {
    private static final String TYPE = "application/vnd.schemaregistry.v1+json";

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ObjectMapper json = new ObjectMapper();
    private final String url;

    ConfluentRegistry(String url) {
        this.url = url;
    }

    /** Registers a schema and gives its id. */
    int register(String subject, String type, String schema, Set<RegistryArtifactReference> references) {
        return ask("POST", "/subjects/" + encoded(subject) + "/versions", body(type, schema, references)).get("id").asInt();
    }

    @Override
    public RegistryVersionCoordinates createSchema(String artifactType, String groupId, String artifactId, String version,
            String autoCreateBehavior, boolean canonical, String schema, Set<RegistryArtifactReference> references) {
        register(artifactId, artifactType, schema, references);
        return coordinates(ask("POST", "/subjects/" + encoded(artifactId), body(artifactType, schema, references)));
    }

    @Override
    public List<RegistryVersionCoordinates> searchVersionsByContent(String schema, String artifactType, ArtifactReference reference,
            boolean canonical) {
        return List.of(coordinates(ask("POST", "/subjects/" + encoded(reference.getArtifactId()), body(artifactType, schema, null))));
    }

    @Override
    public RegistryVersionCoordinates getVersionCoordinatesByGAV(String groupId, String artifactId, String version) {
        return coordinates(version(artifactId, version));
    }

    @Override
    public String getSchemaByGAV(String groupId, String artifactId, String version) {
        return version(artifactId, version).get("schema").asText();
    }

    @Override
    public List<RegistryArtifactReference> getReferencesByGAV(String groupId, String artifactId, String version) {
        return references(version(artifactId, version));
    }

    @Override
    public String getSchemaByContentId(Long id) {
        return byId(id).get("schema").asText();
    }

    @Override
    public List<RegistryArtifactReference> getReferencesByContentId(long id) {
        return references(byId(id));
    }

    @Override
    public String getSchemaByGlobalId(long id, boolean dereferenced) {
        return getSchemaByContentId(id);
    }

    @Override
    public List<RegistryArtifactReference> getReferencesByGlobalId(long id) {
        return getReferencesByContentId(id);
    }

    @Override
    public String getSchemaByContentHash(String hash) {
        throw new UnsupportedOperationException("a hash of the content");
    }

    @Override
    public List<RegistryArtifactReference> getReferencesByContentHash(String hash) {
        throw new UnsupportedOperationException("a hash of the content");
    }

    @Override
    public Object getClient() {
        return http;
    }

    private JsonNode byId(long id) {
        return ask("GET", "/schemas/ids/" + id, null);
    }

    private JsonNode version(String subject, String version) {
        return ask("GET", "/subjects/" + encoded(subject) + "/versions/" + (version == null ? "latest" : version), null);
    }

    private RegistryVersionCoordinates coordinates(JsonNode found) {
        long id = found.get("id").asLong();
        return RegistryVersionCoordinates.create(id, id, null, found.get("subject").asText(), found.get("version").asText());
    }

    private List<RegistryArtifactReference> references(JsonNode found) {
        List<RegistryArtifactReference> references = new ArrayList<>();
        for (JsonNode one : found.path("references")) {
            references.add(reference(one.get("name").asText(), one.get("subject").asText(), one.get("version").asText()));
        }
        return references;
    }

    static RegistryArtifactReference reference(String name, String subject, String version) {
        return RegistryArtifactReference.builder().name(name).artifactId(subject).version(version).build();
    }

    private ObjectNode body(String type, String schema, Set<RegistryArtifactReference> references) {
        ObjectNode body = json.createObjectNode().put("schema", schema).put("schemaType", type);
        for (RegistryArtifactReference one : references == null ? Set.<RegistryArtifactReference>of() : references) {
            body.withArray("references").addObject().put("name", one.getName()).put("subject", one.getArtifactId())
                    .put("version", Integer.parseInt(one.getVersion()));
        }
        return body;
    }

    private JsonNode ask(String method, String path, JsonNode body) {
        try {
            var content = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(json.writeValueAsBytes(body));
            var request = HttpRequest.newBuilder(URI.create(url + path)).method(method, content).timeout(Duration.ofSeconds(30))
                    .header("Content-Type", TYPE).header("Accept", TYPE).build();
            HttpResponse<byte[]> answer = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(method + " " + path + ": " + answer.statusCode() + " "
                        + new String(answer.body(), StandardCharsets.UTF_8));
            }
            return json.readTree(answer.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String encoded(String segment) {
        return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
