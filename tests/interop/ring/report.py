"""Results as they come, and the table at the end."""

import sys
import threading
from collections import Counter
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "ok", "FAILED", "skipped"


@dataclass(frozen=True)
class Result:
    """How one scenario of one client ended; `group` is its column in the table."""

    client: str
    scenario: str
    group: str
    outcome: str
    seconds: float = 0.0
    why: str = ""


class Report:
    """Collects results from several threads and prints each as it comes."""

    def __init__(self):
        self._results = []
        self._lock = threading.Lock()

    def add(self, result):
        with self._lock:
            self._results.append(result)
            print(f"{result.outcome:7} {result.client:15} {result.scenario:24} {result.seconds:6.1f} s", flush=True)
            if result.why:
                print("        " + result.why.strip().replace("\n", "\n        "), flush=True)

    def table(self):
        """A line for each client and a column for each group: how many passed of how many."""
        groups = list(dict.fromkeys(r.group for r in self._results))
        rows = [["", *groups]]
        for client in dict.fromkeys(r.client for r in self._results):
            rows.append([client, *(self._cell(client, group) for group in groups)])
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _cell(self, client, group):
        outcomes = Counter(r.outcome for r in self._results if (r.client, r.group) == (client, group))
        if not outcomes:
            return "-"
        text = f"{outcomes[PASSED]}/{outcomes.total()}"
        return f"{text} skipped" if outcomes[SKIPPED] else text

    def close(self):
        """Prints the table and the counts; True when nothing failed and something ran."""
        counts = Counter(r.outcome for r in self._results)
        if self._results:
            print(f"\n{self.table()}\n")
        for result in self._results:
            if result.outcome == FAILED:
                print(f"failed: {result.client} {result.scenario}")
        print(f"interop: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped", flush=True)
        sys.stdout.flush()
        return counts[PASSED] > 0 and counts[FAILED] == 0
