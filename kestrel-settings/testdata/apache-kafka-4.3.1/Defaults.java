// Writes what Apache Kafka says of its keys, as README.md has it.
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.config.*;
import java.util.*;
public class Defaults {
  static void client(String file, ConfigDef def) throws Exception {
    try (var out = new java.io.PrintWriter(file)) {
      for (var key : new TreeMap<>(def.configKeys()).values()) {
        Object value = key.defaultValue;
        String text = value == ConfigDef.NO_DEFAULT_VALUE ? "(required)" : value == null ? "(null)" : ConfigDef.convertToString(value, key.type);
        out.println(key.name + "\t" + key.type + "\t" + text);
      }
    }
  }
  public static void main(String[] args) throws Exception {
    client("producer.tsv", ProducerConfig.configDef());
    client("consumer.tsv", ConsumerConfig.configDef());
    client("admin.tsv", AdminClientConfig.configDef());
    try (var admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
      admin.createTopics(List.of(new NewTopic("facts", 1, (short) 1))).all().get();
      Thread.sleep(2000);
      for (var resource : List.of(new ConfigResource(ConfigResource.Type.BROKER, "1"), new ConfigResource(ConfigResource.Type.TOPIC, "facts"))) {
        var config = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true)).all().get().get(resource);
        try (var out = new java.io.PrintWriter(resource.type().toString().toLowerCase() + ".tsv")) {
          for (var entry : new TreeSet<>(config.entries().stream().map(ConfigEntry::name).toList())) {
            var found = config.get(entry);
            String text = null; boolean has = false;
            for (var s : found.synonyms()) if (s.source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG && (!has)) { text = s.value(); has = true; }
            if (!has && found.source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG) { text = found.value(); }
            out.println(found.name() + "\t" + found.type() + "\t" + (text == null ? "(null)" : text));
          }
        }
      }
      admin.deleteTopics(List.of("facts")).all().get();
    }
  }
}
