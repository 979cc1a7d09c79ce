"""What every transactor and copier written in Python has in common: its commands, and its JSON lines.

A transactor does with one transactional producer what it is told, a command a line on standard input, as JSON:

    {"do": "init"}
    {"do": "begin"}
    {"do": "send", "topic": NAME, "records": [...]}     as records.py has them; answered when each is stored
    {"do": "offsets", "group": ID, "topic": NAME, "offsets": {"0": 5}}       java alone
    {"do": "commit"}, {"do": "abort"}

It answers each by a line on standard output: {"event": "done"}, or {"event": "failed", "why": NAME} with the error as
its client names it. When its input ends it is gone at once, whatever is open. Its command line is
`PROGRAM transactor --bootstrap HOST:PORT --id TRANSACTIONAL_ID [--timeout-ms N] [--codec NAME]`.

A copier consumes, transforms and produces: as a member of a group it reads what was committed to one topic and writes it
to the same partition of another, a few records in a transaction, with "PARTITION:OFFSET" as the key and the offsets that
it has read. It says {"event": "copied", "count": 10} after each commit, and {"event": "held"} before that of the
transaction that it is to hold; there it stays. It goes on until its standard input ends; then it leaves the group and ends.
Its command line is `PROGRAM copier --bootstrap HOST:PORT --topic FROM --topic TO --group ID --id TRANSACTIONAL_ID
[--hold N] [--session-ms N]`.
"""

import json
import os
import sys
import traceback

from ring import member, records

# How many records a copier takes into a transaction.
COPIED_AT_ONCE = 10


class Failed(Exception):
    """The client said no; the text is its name for the error."""


def serve(steps, name_of):
    """Does what it is told until its input ends. `name_of` gives the name of an exception of the client's."""
    for line in sys.stdin:
        command = json.loads(line)
        try:
            _do(steps, command)
        except Failed as e:
            member.say("failed", why=str(e))
        except Exception as e:  # whatever a client throws is told
            traceback.print_exc()
            member.say("failed", why=name_of(e))
        else:
            member.say("done")
    os._exit(0)


def _do(steps, command):
    step = steps[command["do"]]
    if command["do"] == "send":
        step(command["topic"], map(records.decoded, command["records"]))
    else:
        step()
