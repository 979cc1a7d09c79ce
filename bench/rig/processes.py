"""What /proc says about processes, and how ours are ended."""

import os
import subprocess
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system seconds of a process and its children's children; ended children that were waited for count."""
    total = 0
    for each in [pid, *_descendants(pid)]:
        try:
            stat = Path(f"/proc/{each}/stat").read_text()
        except OSError:
            continue
        # utime, stime, cutime, cstime: fields 14 to 17; the second, a name in parentheses, may hold spaces.
        total += sum(map(int, stat.rpartition(") ")[2].split()[11:15]))
    return total / _TICKS_PER_S


def rss_mb(pid):
    """Resident memory of a process now, 0 when it is gone."""
    return _status(pid, "VmRSS:")


def peak_rss_mb(pid):
    """The most that it ever had."""
    return _status(pid, "VmHWM:")


def _status(pid, name):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _descendants(pid):
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return []
    return [d for child in children for d in (child, *_descendants(child))]


def end(process, deadline_s):
    """SIGTERM, and SIGKILL for one that does not listen. Only for processes that we started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
