"""What every member program written in Python has in common: its JSON lines, and the end of its standard input.

A member joins a group, reads, commits what it has read, and says on standard output what happens to it, one JSON
object a line, with the time in milliseconds as `at`:

    {"event": "assigned", "partitions": [0, 1]}         these came; "generation" and "member" where the client tells
    {"event": "revoked", "partitions": [0]}             these go, said before the member gives them up; or "lost"
    {"event": "found", "partition": 0, "offset": 5, "metadata": "text"}      what was committed before
    {"event": "record", "partition": 0, "offset": 5}
    {"event": "committed", "offsets": {"0": 6}}         the commit was answered; or "commit-failed" with "why"
    {"event": "closed"}                                 it has left

It commits after each batch, with the text "NAME at OFFSET": NAME is the client's in `clients.py`, or `member`. It reads a
group without offsets from the beginning. It goes on until its standard input ends; then it leaves the group and ends. A member's command line is
`PROGRAM member --bootstrap HOST:PORT --topic NAME --group ID --assignor NAME [--instance ID] [--session-ms N]`.
"""

import json
import os
import sys
import threading
import time

HEARTBEAT_MS = 300
_lock = threading.Lock()


def say(event, **more):
    """One line; each line whole, whichever thread says it."""
    line = json.dumps({"event": event, "at": int(time.time() * 1000), **more})
    with _lock:
        print(line, flush=True)


def input_end(then=lambda: None):
    """An event that is set when standard input ends; `then` is called first, on another thread."""
    ended = threading.Event()

    def wait():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        ended.set()
        then()

    threading.Thread(target=wait, daemon=True).start()
    return ended
