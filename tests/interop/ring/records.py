"""The record set that every foreign client writes and every other one must read byte for byte.

Called by the runner, which saves it as JSON lines: one record a line, in the order of its partition.

    {"partition": 0, "offset": 3, "timestamp": 1700000000030, "key": BASE64 or null,
     "value": BASE64 or null, "headers": [["name", BASE64 or null], ...]}

A null timestamp says that the writer cannot choose it; a reader then checks only that it is recent.
The set is a pure function of nothing: no clock, no randomness, so that two runs write the same bytes.
What a client has no way to express is left out of what it writes by `for_writer`, and only there.
"""

import base64
import hashlib
import json

BASE_TIMESTAMP = 1_700_000_000_000
PARTITIONS = 4
BULK_RECORDS = 2_000
LARGE_BYTES = 900_000


def full_set():
    """Every record, as dicts with bytes in them, without offsets."""
    return _shapes() + _bulk() + _large()


def for_writer(client):
    """What `client` can write of the full set, with the offset that each record will have."""
    limit = _LIMITS.get(client, lambda record: record)
    offsets = [0] * PARTITIONS
    written = []
    for record in filter(None, map(limit, full_set())):
        partition = record["partition"]
        written.append({**record, "offset": offsets[partition]})
        offsets[partition] += 1
    return written


def encoded(record):
    """A record as JSON can say it: bytes in base64."""
    def text(data):
        return None if data is None else base64.b64encode(data).decode()

    return {**record, "key": text(record["key"]), "value": text(record["value"]),
            "headers": [[name, text(value)] for name, value in record["headers"]]}


def decoded(line):
    """The record that `encoded` made."""
    def data(text):
        return None if text is None else base64.b64decode(text)

    return {**line, "key": data(line["key"]), "value": data(line["value"]),
            "headers": [(name, data(value)) for name, value in line["headers"]]}


def save(records, path):
    """Writes records as JSON lines."""
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(encoded(record)) + "\n" for record in records)


def load(path):
    """Reads what `save` wrote: a list of dicts with bytes in them."""
    with open(path, encoding="utf-8") as lines:
        return [decoded(json.loads(line)) for line in lines]


def by_partition(records):
    """The records of each partition, in order: a dict from partition to list."""
    partitions = {p: [] for p in range(1 + max(r["partition"] for r in records))}
    for record in records:
        partitions[record["partition"]].append(record)
    return partitions


def _record(partition, timestamp, key, value, headers=()):
    return {"partition": partition, "timestamp": timestamp, "key": key, "value": value,
            "headers": list(headers)}


def _shapes():
    """Small records at the edges of the format, in two partitions."""
    every_byte = bytes(range(256))
    shapes = [
        (b"plain", b"value"),
        (None, b"no key"),
        (b"", b"empty key"),
        (b"empty value", b""),
        (b"tombstone", None),
        (None, None),
        (b"", b""),
        (every_byte, every_byte),
        ("clé-ключ-鍵".encode(), "значение 値 🦅".encode()),
        (b"lines", b"two\nlines\tand a tab"),
        (b"one header", b"v", ("a", b"1")),
        (b"repeated", b"v", ("a", b"1"), ("b", b"2"), ("a", b"3"), ("a", b"1")),
        (b"null header", b"v", ("null", None), ("after", b"x")),
        (b"empty header", b"v", ("empty", b""), ("after", b"x")),
        (b"unnamed header", b"v", ("", b"x")),
        (b"binary header", b"v", ("bytes", every_byte)),
        (b"unicode header", b"v", ("имя", "値".encode())),
        (b"many headers", b"v", *((f"h{i}", str(i).encode()) for i in range(100))),
        (b"headed tombstone", None, ("reason", b"deleted")),
        (b"k" * 10_000, b"long key"),
    ]
    # Lengths where a zigzag varint grows by a byte.
    shapes += [(b"length", b"x" * n) for n in (1, 63, 64, 8_191, 8_192)]
    # Times that stand still, go back, and start at the beginning.
    times = [10 * i for i in range(len(shapes))]
    times[3] = times[2]
    times[5] = times[1] - 7
    times[7] = 1 - BASE_TIMESTAMP
    return [_record(i % 2, BASE_TIMESTAMP + time, key, value, headers)
            for i, (time, (key, value, *headers)) in enumerate(zip(times, shapes))]


def _bulk():
    """Enough small records that every client makes several batches in each partition."""
    records = []
    for i in range(BULK_RECORDS):
        digest = hashlib.sha256(str(i).encode()).hexdigest()
        value = f'{{"id":{i},"station":"{digest[:8]}","reading":{i % 97 / 8},"note":"{digest}"}}'
        jitter = int(digest[:4], 16) % 50
        records.append(_record(i % PARTITIONS, BASE_TIMESTAMP + 1_000 + 10 * i + jitter,
                               f"key-{i % 100}".encode(), value.encode()))
    return records


def _large():
    """Two records just under the usual limit of 1 MiB; half of their bytes do not compress."""
    def value(seed):
        noise = b"".join(hashlib.sha256(f"{seed}-{i}".encode()).digest() for i in range(LARGE_BYTES // 64))
        return noise + b"z" * (LARGE_BYTES - len(noise))

    return [_record(p, BASE_TIMESTAMP + 60_000 + p, f"large-{p}".encode(), value(p)) for p in (0, 1)]


def _kafkajs(record):
    """Its headers are an object: repeated names stand together; a null header value makes it throw."""
    names = list(dict.fromkeys(name for name, _ in record["headers"]))
    grouped = [(n, v) for n in names for name, v in record["headers"] if name == n and v is not None]
    return {**record, "headers": grouped}


def _kafka_python(record):
    """It refuses a record without key and value, and a null header value."""
    if record["key"] is None and record["value"] is None:
        return None
    return {**record, "headers": [(n, v) for n, v in record["headers"] if v is not None]}


def _kcat(record):
    """Keys and headers are command line arguments: no NUL byte, no unnamed header. It can give no time.

    It creates topics only by using them, which gives one partition.
    """
    parts = [record["key"] or b"", *(value or b"" for _, value in record["headers"])]
    if any(b"\0" in part for part in parts) or any(not name for name, _ in record["headers"]):
        return None
    return {**record, "partition": 0, "timestamp": None}


def _console(record):
    """Records are lines of UTF-8 text with tabs between the parts; its own partitioner is not under test."""
    parts = [record["key"], record["value"], *(value for _, value in record["headers"])]
    if any(part is not None and (not _is_text(part) or b"\t" in part or b"\n" in part) for part in parts):
        return None
    if len(record["value"] or b"") == LARGE_BYTES or any(":" in n or "," in n for n, _ in record["headers"]):
        return None
    return {**record, "partition": 0, "timestamp": None}


def _is_text(data):
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


_LIMITS = {"kafkajs": _kafkajs, "kafka-python": _kafka_python, "kcat": _kcat, "console-tools": _console}
