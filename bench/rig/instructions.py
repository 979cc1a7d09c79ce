"""Instructions that a program takes, counted by valgrind's callgrind: the same on a busy machine as on a quiet one, nearly."""

import re
import shutil
import subprocess
from pathlib import Path

from rig import build

_COUNTED = re.compile(r"Collected\s*:\s*(\d+)")


class NotCounted(Exception):
    """valgrind is not there, or gave no count."""


def need_valgrind():
    if not shutil.which("valgrind"):
        raise NotCounted("valgrind is not on the PATH")


def tool(file, log):
    """What a program is run with: where its instructions are goes to `file`, how many there are to `log`."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={file}", f"--log-file={log}"]


def counted(log):
    """How many instructions a program took that has ended."""
    text = Path(log).read_text(errors="replace")
    if found := _COUNTED.search(text):
        return int(found[1])
    raise NotCounted(f"valgrind gave no count:\n{text[-1000:]}")


def of_client(file, *words):
    """Instructions of a `kestrel-bench` with these words. Where they are goes to `file`."""
    log = Path(file).with_suffix(".log")
    run_client(*words, tool=tool(file, log))
    return counted(log)


def run_client(*words, tool=()):
    """Runs `kestrel-bench` to its end."""
    command = [*tool, *build.kestrel_bench(), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise NotCounted(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-1000:]}")
