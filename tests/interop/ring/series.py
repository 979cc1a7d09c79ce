"""How many series a scrape of kestrel-broker has: the table in docs/metrics.md, held against scrapes. Used by `metrics`."""

import re

from ring import tools
from ring.scenario import expect

PAGE = tools.HERE.parent.parent / "docs/metrics.md"
_ROW = re.compile(r"^\| [^|]+ \| (\d+)[^|]* \| (?:(\d+) for each partition )?\|$", re.MULTILINE)


def expect_as_told(samples, per_partition):
    """Ends the scenario unless there are as many samples as the page says for what they tell of."""
    rows = [(int(each), int(partition or 0)) for each, partition in _ROW.findall(PAGE.read_text().split("<!-- series -->")[1])]
    broker, listener, api, state, topic, group, group_topic = rows

    def count(*names):
        return sum(name in names for name, *_ in samples)

    partitions = {labels["topic"]: int(value) for name, labels, value in samples if name == "kafka_topic_partitions"}
    listeners = count("kafka_server_socket_server_metrics_connection_count")
    read = [labels["topic"] for name, labels, _ in samples if name == "kafka_consumergroup_lag_sum"]
    wanted = broker[0] + (listeners - 1) * listener[0] + group[0] * count("kafka_consumergroup_members")
    wanted += api[0] * count("kestrel_request_bytes_total")
    wanted += count("kafka_network_requestmetrics_requests_total", "kafka_network_requestmetrics_errors_total")
    wanted += state[0] * count("kestrel_consumer_groups", "kestrel_transactional_ids")
    wanted += topic[0] * len(partitions) + group_topic[0] * len(read)
    if per_partition:
        wanted += topic[1] * sum(partitions.values())
        # One of the three is told of partitions that have a committed offset alone.
        wanted += (group_topic[1] - 1) * sum(partitions[topic] for topic in read)
        wanted += count("kafka_consumergroup_partition_lag_seconds")
    expect(f"samples of {listeners} listeners, {len(partitions)} topics and {len(read)} that groups read", len(samples), wanted)
