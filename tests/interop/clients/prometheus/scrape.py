"""Scrapes metrics with the reference parsers of Prometheus for Python, and prints the samples as JSON.

    scrape.py openmetrics|text URL      [[name, {label: value}, value], ...]

The parser of OpenMetrics is strict: it refuses what the format does not allow.
"""

import json
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text

FORMATS = {
    "openmetrics": (open_metrics, "application/openmetrics-text;version=1.0.0"),
    "text": (text, "text/plain;version=0.0.4"),
}

parse, accept = FORMATS[sys.argv[1]]
with urllib.request.urlopen(urllib.request.Request(sys.argv[2], headers={"Accept": accept}), timeout=30) as answer:
    wanted, got = accept.split(";")[0], answer.headers.get_content_type()
    if got != wanted:
        sys.exit(f"{sys.argv[2]} answers with {got}, not {wanted}")
    families = list(parse(answer.read().decode()))
for family in families:
    if family.type == "unknown" or not family.documentation:
        sys.exit(f"{family.name} has no type or no help")
json.dump([[s.name, s.labels, s.value] for family in families for s in family.samples], sys.stdout)
