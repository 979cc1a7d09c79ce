"""Tables and graphs from files of results: medians of the rounds, and ratios to Kestrel. Writes between marks of a page."""

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import median

from rig import brokers, peers, svg

BASE = "kestrel"
_DIMENSIONS = {
    "size": lambda v: f"{v // 1024} KiB" if v >= 1024 else f"{v} B",
    "partitions": lambda v: f"{v} partition{'s' if v > 1 else ''}",
    "codec": lambda v: {"none": "no codec"}.get(v, v),
    "acks": lambda v: f"acks={v}",
    "linger_ms": lambda v: f"linger {v} ms",
    "rate": lambda v: f"{v:,}/s",
    "connections": lambda v: f"{v} connection{'s' if v > 1 else ''}",
    "rtt_ms": lambda v: f"+{v} ms",
    "groups": lambda v: f"{v:,} group{'s' if v > 1 else ''}",
    "members": lambda v: f"{v} member{'s' if v > 1 else ''} each",
    "settings": lambda v: v,
    "security": lambda v: {"SSL": "TLS", "PLAINTEXT": "plain text"}.get(v, v),
    "network": lambda v: f"{v} network",
    "isolation": lambda v: v,
    "per_transaction": lambda v: f"{v:,} records each" if v else "no transactions",
    "format": lambda v: {"avro": "Avro", "protobuf": "Protobuf", "json": "JSON that follows a schema",
                         "values": "values alone", "json-lines": "all of a record as a line of JSON"}.get(v, v),
    "broker": lambda v: brokers.TITLES[v],
}


def write(page, files):
    """Puts the tables and graphs of each file's results into the page, where `<!-- results: NAME -->` says."""
    text = page.read_text()
    for path in files:
        name = path.stem
        section = _section(path, page.parent)
        marks = re.compile(rf"(<!-- results: {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
        if marks.search(text):
            text = marks.sub(lambda m: m[1] + section + m[2], text)
        else:
            text = text.rstrip("\n") + f"\n\n<!-- results: {name} -->\n{section}<!-- end -->\n"
    page.write_text(text)


def _section(path, folder):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    # The last header that names a table is the one of its figures.
    headers = {name: line for line in lines if "tables" in line for name in line["tables"]}
    tables = defaultdict(list)
    for line in lines:
        if "case" in line:
            tables[line["case"]["table"]].append(line)
    parts = [f"Raw data: [{path.name}](benchmarks/{path.name}).\n\n"]
    for name in [name for name in headers if name in tables]:
        runs = tables[name]
        parts.append(f"### {headers[name]['tables'][name]}\n\n{_machine(headers[name], runs)}")
        parts.append(_idle_table(runs) if runs[0]["case"]["work"] == "idle" else _table(name, runs, path, folder))
    return "\n" + "".join(parts)


def _machine(header, runs):
    machine, rounds = header["machine"], 1 + max(run["round"] for run in runs)
    return (f"Medians of {rounds} round{'s' if rounds > 1 else ''}, {header['began']}, commit `{header['commit']}`; "
            f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, Linux {machine['kernel']}, "
            f"{machine['file_system']}, {machine['rustc'].split(' (')[0]}, {machine['go']}, {machine['java']}; "
            f"load before: {machine['load_before']:.1f}.\n\n")


def _table(name, runs, path, folder):
    work = runs[0]["case"]["work"]
    if work == "groups":
        return _groups_table(name, runs, path, folder)
    if len({run["case"]["broker"] for run in runs}) > 1:
        return _broker_table(name, work, runs, path, folder)
    cases = _group(runs, lambda run: json.dumps(run["case"], sort_keys=True))
    varying = _varying(runs)
    out, graph = [], []
    for case_runs in cases.values():
        case = case_runs[0]["case"]
        label = ", ".join(_DIMENSIONS[d](case[d]) for d in varying)
        if label:
            out.append(f"**{label}**\n\n")
        by_client = {client: _medians(mine) for client, mine in _group(case_runs, lambda run: run["client"]).items()}
        rows = {"e2e": _e2e_rows, "typed-produce": _typed_rows, "typed-consume": _typed_rows}.get(work, _rate_rows)
        out.append(rows(by_client))
        graph.append((label or name, by_client))
    return _graphs(name, work, graph, path, folder) + "".join(out)


def _broker_table(name, work, runs, path, folder):
    """The same client on one broker and on the other: what the brokers take for it."""
    varying = _varying(runs, without="broker")
    several = len({run["client"] for run in runs}) > 1
    groups = _group(runs, lambda run: (*(run["case"][d] for d in varying), run["client"]))
    out, graph = [], []
    for mine in groups.values():
        words = [_DIMENSIONS[d](mine[0]["case"][d]) for d in varying] + ([_title(mine[0]["client"])] if several else [])
        label = ", ".join(words)
        if label:
            out.append(f"**{label}**\n\n")
        by_broker = {broker: _medians(its) for broker, its in _group(mine, lambda run: run["case"]["broker"]).items()}
        out.append(_broker_rows(by_broker, work))
        graph.append((label or name, by_broker))
    key, title = (("p99", "End to end, 99th percentile, ms (less is better)") if work == "e2e" else
                  ("broker_cpu", "Broker CPU seconds per million records (less is better)"))
    rows = [(label, [(brokers.TITLES[broker].replace("`", ""), m.get(key)) for broker, m in by_broker.items()])
            for label, by_broker in graph]
    return _graph(name, key, title, rows, path, folder) + "\n" + "".join(out)


def _broker_rows(by_broker, work):
    ours = next((m for broker, m in by_broker.items() if broker.startswith(BASE)), {})
    latency = work == "e2e"
    rows = ["| broker | million records/s | broker CPU s per million | its ratio | memory MB |"
            + (" p50 ms | p99 ms | p99.9 ms | its p99 to Kestrel's |" if latency else ""),
            "|---|--:|--:|--:|--:|" + ("--:|--:|--:|--:|" if latency else "")]
    for broker, m in by_broker.items():
        if not m:
            rows.append(f"| {brokers.TITLES[broker]} | failed | | | |" + (" | | | |" if latency else ""))
            continue
        # What is compared is a broker here: the first one's own ratio says nothing.
        base = BASE if broker.startswith(BASE) else broker
        row = (f"| {brokers.TITLES[broker]} | {m['rate']:.3f} | {m['broker_cpu']:.2f} "
               f"| {_ratio(m['broker_cpu'], ours.get('broker_cpu'), base)} | {m['broker_memory']:.0f} |")
        if latency:
            row += f" {m['p50']:.2f} | {m['p99']:.2f} | {m['p999']:.2f} | {_ratio(m['p99'], ours.get('p99'), base)} |"
        rows.append(row)
    return "\n".join(rows) + "\n\n"


def _rate_rows(by_client):
    columns = ["memory MB", "broker CPU s per million", "broker MB", "fastest to slowest round"]
    return _client_rows(by_client, "client", columns, lambda m: [
        f"{m['memory']:.0f}", f"{m['broker_cpu']:.2f}", f"{m['broker_memory']:.0f}",
        f"{m['spread'][1]:.2f}-{m['spread'][0]:.2f}"])


def _typed_rows(by_client):
    """With what a serializer allocates instead of what a broker takes, which is the same for all."""
    columns = ["allocations per record", "bytes allocated per record", "memory MB", "fastest to slowest round"]
    return _client_rows(by_client, "serializers", columns, lambda m: [
        _known(m['allocations'], '.1f'), _known(m['allocated_bytes'], ',.0f'), f"{m['memory']:.0f}",
        f"{m['spread'][1]:.3f}-{m['spread'][0]:.3f}"])


def _client_rows(by_client, who, columns, cells):
    """A row for each client: rate and CPU time with Kestrel's ratio to them, and then the columns of this kind of table."""
    of_base = by_client.get(BASE) or {}
    head = [who, "million records/s", "Kestrel is", "client CPU s per million", "its ratio", *columns]
    rows = [_row(head), "|---" + "|--:" * (len(head) - 1) + "|"]
    for client, m in by_client.items():
        if not m:
            rows.append(f"| {_title(client)} | failed |" + " |" * (len(head) - 2))
            continue
        rows.append(_row([
            _title(client), f"{m['rate']:.3f}", _ratio(of_base.get("rate"), m["rate"], client), f"{m['cpu']:.2f}",
            _ratio(m["cpu"], of_base.get("cpu"), client), *cells(m)]))
    return "\n".join(rows) + "\n\n"


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _known(figure, form):
    return "" if figure is None else format(figure, form)


def _e2e_rows(by_client):
    of_base = by_client.get(BASE) or {}
    rows = ["| client | p50 ms | p99 ms | p99.9 ms | its p50 to Kestrel's | its p99 to Kestrel's | client CPU s per million "
            "| memory MB | broker CPU s per million |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for client, m in by_client.items():
        if not m:
            rows.append(f"| {_title(client)} | failed | | | | | | | |")
            continue
        rows.append(
            f"| {_title(client)} | {m['p50']:.2f} | {m['p99']:.2f} | {m['p999']:.2f} "
            f"| {_ratio(m['p50'], of_base.get('p50'), client)} | {_ratio(m['p99'], of_base.get('p99'), client)} "
            f"| {m['cpu']:.1f} | {m['memory']:.0f} | {m['broker_cpu']:.1f} |")
    return "\n".join(rows) + "\n\n"


def _groups_table(name, runs, path, folder):
    """What groups cost a broker, while their members join and while they live."""
    varying = _varying(runs, without="broker")
    several = len({run["client"] for run in runs}) > 1
    out, graph = [_GROUPS_COLUMNS], []
    for mine in _group(runs, lambda run: (*(run["case"][d] for d in varying), run["client"])).values():
        words = [_DIMENSIONS[d](mine[0]["case"][d]) for d in varying] + ([_title(mine[0]["client"])] if several else [])
        out.append(f"**{', '.join(words)}**\n\n")
        rows = ["| broker | joined after s | broker CPU s until then | broker CPU | memory MB | commits/s | p50 ms | p99 ms "
                "| client CPU | client MB |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
        cpus = []
        for broker, its in _group(mine, lambda run: run["case"]["broker"]).items():
            good = [run for run in its if "error" not in run]
            cpus.append((brokers.TITLES[broker].replace("`", ""), _of_core(good, "broker_cpu_s") if good else None))
            if not good:
                rows.append(f"| {brokers.TITLES[broker]} | failed | | | | | | | | |")
                continue
            at = lambda key: median(run[key] for run in good)  # noqa: E731
            p50, p99 = (median(run["latency_us"][q] for run in good) / 1000 for q in ("p50", "p99"))
            rows.append(f"| {brokers.TITLES[broker]} | {at('start_s'):.2f} | {at('broker_start_cpu_s'):.2f} "
                        f"| {cpus[-1][1]:.1f}% | {at('broker_rss_mb'):.0f} | {at('msgs_per_s'):,.0f} | {p50:.2f} | {p99:.2f} "
                        f"| {_of_core(good, 'cpu_s'):.1f}% | {at('max_rss_mb'):.0f} |")
        out.append("\n".join(rows) + "\n\n")
        graph.append((", ".join(words), cpus))
    title = "Broker CPU while the groups live, % of a core (less is better)"
    return _graph(name, "broker_cpu", title, graph, path, folder) + "\n" + "".join(out)


_GROUPS_COLUMNS = (
    "*Joined after* is the time from the first connection until every member of every group has its share of the partitions; "
    "then each member heartbeats at its client's default, polls a topic that is empty, and commits once a second. CPU is that of "
    "this second part, in per cent of one core; p50 and p99 are from a commit to its answer.\n\n")


def _of_core(runs, key):
    return median(run[key] / run["wall_s"] * 100 for run in runs)


def _varying(runs, without=None):
    """The dimensions that differ among runs; a file may have runs from before a dimension was there."""
    return [d for d in _DIMENSIONS if d != without and len({run["case"].get(d) for run in runs}) > 1]


def _idle_table(runs):
    rows = ["| broker | partitions | ready after ms | memory MB | CPU while idle |", "|---|--:|--:|--:|--:|"]
    for case_runs in _group(runs, lambda run: json.dumps(run["case"], sort_keys=True)).values():
        case = case_runs[0]["case"]
        at = lambda key: median(run[key] for run in case_runs)  # noqa: E731
        rows.append(f"| {brokers.TITLES[case['broker']]} | {case['partitions']} | {at('ready_ms'):.0f} "
                    f"| {at('broker_rss_mb'):.1f} | {at('idle_cpu_percent'):.1f}% |")
    return "\n".join(rows) + "\n\n"


def _medians(runs):
    """The median of each figure over the rounds that succeeded; nothing when there is none."""
    good = [run for run in runs if "error" not in run]
    if not good:
        return {}
    per_million = lambda run, key: run[key] * 1e6 / max(run["acked"], 1)  # noqa: E731
    rates = [run["msgs_per_s"] / 1e6 for run in good]
    found = {
        "rate": median(rates), "spread": (min(rates), max(rates)),
        "cpu": median(per_million(run, "cpu_s") for run in good),
        "broker_cpu": median(per_million(run, "broker_cpu_s") for run in good),
        "memory": median(run["max_rss_mb"] for run in good),
        "broker_memory": median(run["broker_rss_mb"] for run in good),
    }
    for key in ("allocations", "allocated_bytes"):
        counted = [run[key] for run in good if run.get(key) is not None]
        found[key] = median(counted) if counted else None
    if good[0].get("latency_us"):
        found |= {q: median(run["latency_us"][q] for run in good) / 1000 for q in ("p50", "p99", "p999")}
    return found


def _graphs(name, work, cases, path, folder):
    """A graph of each of the two figures that count most for this work."""
    wanted = ([("p50", "End to end, median, ms (less is better)"), ("p99", "End to end, 99th percentile, ms (less is better)")]
              if work == "e2e" else
              [("rate", "Million records per second (more is better)"),
               ("cpu", "Client CPU seconds per million records (less is better)")])
    links = []
    for key, title in wanted:
        groups = [(label, [(_title(client), m.get(key)) for client, m in by_client.items()]) for label, by_client in cases]
        links.append(_graph(name, key, title, groups, path, folder))
    return "\n".join(links) + "\n"


def _graph(name, key, title, groups, path, folder):
    """Writes a graph beside the raw data, and gives the line that shows it."""
    file = folder / "benchmarks" / f"{path.stem}-{name}-{key}.svg"
    file.parent.mkdir(exist_ok=True)
    file.write_text(svg.bars(title, groups))
    return f"![{title}](benchmarks/{file.name})\n"


def _group(runs, key):
    groups = defaultdict(list)
    for run in runs:
        groups[key(run)].append(run)
    return groups


def _ratio(above, below, client):
    return "" if client == BASE or not above or not below else f"{above / below:.2f}x"


def _title(client):
    return peers.TITLES.get(client, client)


def names(folder):
    """Every file of results in the folder, in order of name."""
    return sorted(Path(folder).glob("*.jsonl"))
