"""promtool, Prometheus's own: what it says of a broker's metrics, and of the rules that docs/ has for them. Used by `metrics`."""

import re
import subprocess
import tempfile
from pathlib import Path

from ring import tools
from ring.scenario import Differs, expect

DOCS = tools.HERE.parent.parent / "docs"
ALERTS = DOCS / "prometheus/alerts.yml"
# A part of Prometheus's configuration, which names the alerts.
SCRAPE = DOCS / "prometheus/scrape.yml"
# What each alert has to say of series that are made up.
CASES = tools.HERE / "alerts.test.yml"
# Where the findings of the linter that stay are explained, and where the client's alerts are.
BROKER_PAGE, CLIENT_PAGE = DOCS / "metrics.md", DOCS / "client-metrics.md"
_EXPLAINED = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)
_CLIENT_RULE = re.compile(r"^\| [^|]+ \| `([^`]+)`(?: for (\d+) minutes?)? \|$", re.MULTILINE)


def lint(text):
    """Holds what `promtool check metrics` finds in a scrape against the findings that docs/metrics.md explains: how many there are."""
    done = _promtool("check", "metrics", input=text)
    found = {tuple(line.split(" ", 1)) for line in done.stdout.splitlines() + done.stderr.splitlines() if line}
    # 3 says that there are findings, 1 that it is no text of metrics at all.
    if done.returncode != (3 if found else 0):
        raise Differs(f"promtool check metrics ended with {done.returncode}: {done.stderr[-1_000:]}")
    expect_explained(found)
    return len(found)


def expect_explained(found):
    """Ends the scenario unless findings, metric and text, are those that docs/metrics.md explains."""
    section = BROKER_PAGE.read_text().split("<!-- promtool -->")[1]
    expect("what Prometheus's linter finds, and docs/metrics.md explains", sorted(found), sorted(_EXPLAINED.findall(section)))


def rules():
    """Checks the rules in docs/ and tries the alerts of the broker: how many there are of each."""
    _succeed("check", "rules", str(ALERTS))
    _succeed("check", "config", str(SCRAPE))
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))
    cases = CASES.read_text()
    silent = {name for name in alerts if not re.search(rf"alertname: {name}\n\s+exp_alerts:\n", cases)}
    expect("alerts that no case lets fire", sorted(silent), [])
    _succeed("test", "rules", str(CASES))
    return len(alerts), _client_rules()


def _client_rules():
    """Those of the client's page are single expressions: they are checked as the rules that they would be."""
    found = _CLIENT_RULE.findall(CLIENT_PAGE.read_text().split("| what | rule |")[1].split("\n\n")[0])
    lines = ["groups:", "  - name: kestrel-client", "    rules:"]
    for number, (expression, minutes) in enumerate(found):
        lines += [f"      - alert: Client{number}", f"        expr: {expression}", f"        for: {minutes or 0}m"]
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        file = Path(folder) / "client.yml"
        file.write_text("\n".join(lines) + "\n")
        said = _succeed("check", "rules", str(file))
    expect("rules of docs/client-metrics.md that promtool read", f"SUCCESS: {len(found)} rules found" in said, True)
    return len(found)


def _succeed(*words):
    done = _promtool(*words)
    if done.returncode:
        raise Differs(f"promtool {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _promtool(*words, **options):
    program = tools.ensure("promtool") / "usr/bin/promtool"
    return subprocess.run([str(program), *words], capture_output=True, text=True, **options)
