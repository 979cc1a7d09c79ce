"""What every scenario program written in Python has in common: arguments, comparing, the last line.

A program calls `main(NAME, {"produce": produce, ...})`; each function gets the parsed arguments.
It never catches what a scenario raises except to say it in one line.
"""

import argparse
import json
import sys
import time
import traceback

DEADLINE_S = 60
ISOLATIONS = ("read_uncommitted", "read_committed")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# Four records whose times tell every kind of offset look-up apart: by time and by largest time.
TIMES = tuple(1_700_000_000_000 + t for t in (0, 1_000, 5_000, 2_000))


class Differs(Exception):
    """The broker did something else than it should."""


def expect(what, got, want):
    """Ends the scenario unless `got` equals `want`."""
    if got != want:
        raise Differs(f"{what}: got {shorten(got)}, want {shorten(want)}")


def expect_recent(what, timestamp_ms):
    """Ends the scenario unless the time is within an hour of this machine's clock."""
    if abs(time.time() * 1000 - timestamp_ms) > 3_600_000:
        raise Differs(f"{what}: got {timestamp_ms}, want the present time")


def expect_records(topic, got, want):
    """Compares what was read, a dict from partition to records as records.py has them, with what was written."""
    for partition, expected in want.items():
        for record, found in zip(expected, got[partition]):
            expect_record(f"{topic}-{partition} record {record['offset']}", found, record)
        expect(f"{topic}-{partition} number of records", len(got[partition]), len(expected))


def expect_record(where, got, want):
    """Compares one record; a time that the writer could not choose has to be recent."""
    for part in ("offset", "key", "value", "headers"):
        expect(f"{where} {part}", got[part], want[part])
    if want["timestamp"] is None:
        expect_recent(f"{where} timestamp", got["timestamp"])
    else:
        expect(f"{where} timestamp", got["timestamp"], want["timestamp"])


def eventually(what, probe, want):
    """Asks again until `probe()` equals `want`; ends the scenario when the deadline has passed."""
    until = time.monotonic() + DEADLINE_S
    while (got := probe()) != want:
        if time.monotonic() > until:
            expect(what, got, want)
        time.sleep(0.05)


def _security(file):
    with open(file, encoding="utf-8") as text:
        return json.load(text)


def shorten(value, limit=160):
    """Its text, cut in the middle."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit // 2]}...{text[-limit // 2:]} ({len(text)} characters)"


def main(client, scenarios):
    """Runs the scenario named on the command line and ends the process."""
    parser = argparse.ArgumentParser(description=f"Interop scenarios of {client}.")
    parser.add_argument("scenario", choices=scenarios)
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    parser.add_argument("--prefix", default="interop", help="begins the name of every topic that the scenario makes")
    parser.add_argument("--topic", action="append", default=[], help="topic to write or read (produce, consume)")
    parser.add_argument("--records", help="the records in that topic, as JSON lines (produce, consume)")
    parser.add_argument("--codec", choices=CODECS, default="none", help="compression (produce)")
    parser.add_argument("--group", help="group to join (member)")
    parser.add_argument("--assignor", default="range", help="how its partitions are shared (member)")
    parser.add_argument("--instance", help="group instance id, for static membership (member)")
    parser.add_argument("--session-ms", type=int, default=6_000, help="session timeout (member)")
    parser.add_argument("--isolation", choices=ISOLATIONS, default=ISOLATIONS[0], help="what a reader sees (consume)")
    parser.add_argument("--id", help="transactional id (transactor, copier)")
    parser.add_argument("--timeout-ms", type=int, default=60_000, help="how long a transaction may last (transactor, copier)")
    parser.add_argument("--hold", type=int, default=0, metavar="N", help="leaves its Nth transaction open (copier)")
    parser.add_argument("--writer", help="its number (writer); who has written (typed-read)")
    parser.add_argument("--registry", metavar="URL", help="the schema registry (typed-write, typed-read)")
    parser.add_argument("--case", action="append", default=[],
                        help="what to write or read (typed-write, typed-read), or to try, as 'read TOPIC' (decisions)")
    parser.add_argument("--form", action="append", default=[], help="where the schema is named (typed-write, typed-read)")
    parser.add_argument("--seconds", type=float, default=8, help="how long it lasts (steady)")
    parser.add_argument("--security", type=_security, default={}, metavar="FILE",
                        help="how to connect, as JSON (ring/security.py says what is in it)")
    args = parser.parse_args()
    try:
        scenarios[args.scenario](args)
    except Differs as e:
        sys.exit(f"FAILED {client} {args.scenario}: {e}")
    except Exception as e:  # whatever a client throws is a failure to be named
        traceback.print_exc()
        sys.exit(f"FAILED {client} {args.scenario}: {type(e).__name__}: {e}")
    print(f"ok {client} {args.scenario}", flush=True)
