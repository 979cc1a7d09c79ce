"""Comparing the text that a command line consumer printed with the records that it should have printed.

Called by the programs for kcat and for Kafka's console tools. Values may hold line ends, so that the text is
cut by what it should be, not by lines.
"""

from ring import scenario


def expect_printed(where, output, expected, render, before_time=b""):
    """Compares bytes with what `render(record, timestamp)` says of each record.

    Each record's text begins with `before_time` and its time in milliseconds. A time that the writer could
    not choose is taken from there, and has to be recent.
    """
    for record in expected:
        at = f"{where} record {record['offset']}"
        timestamp = _time(at, output, before_time)
        if record["timestamp"] is None:
            scenario.expect_recent(f"{at} timestamp", timestamp)
        else:
            scenario.expect(f"{at} timestamp", timestamp, record["timestamp"])
        want = render(record, timestamp)
        scenario.expect(at, output[:len(want)], want)
        output = output[len(want):]
    scenario.expect(f"{where} after the last record", output, b"")


def _time(at, output, before_time):
    start = len(before_time)
    length = next((i for i, byte in enumerate(output[start:start + 20]) if not chr(byte).isdigit()), 0)
    if length == 0 or not output.startswith(before_time):
        raise scenario.Differs(f"{at}: got {scenario.shorten(output[:200])}")
    return int(output[start:start + length])
