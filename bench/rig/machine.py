"""What the figures were taken on: they mean nothing without it."""

import os
import platform
import re
import subprocess
from pathlib import Path


def describe():
    """Processor, memory, kernel, disk, and the versions of what runs."""
    return {
        "cpu": _first(r"model name\s*:\s*(.+)", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_first(r"MemTotal:\s+(\d+)", "/proc/meminfo") or 0) / 2**20),
        "kernel": platform.release(),
        "file_system": _said("df", "--output=fstype", "/tmp").split("\n")[-1],
        "rustc": _said("rustc", "--version"),
        "go": _said("go", "env", "GOVERSION"),
        "java": _first_line(_said("java", "--version")),
        "load_before": os.getloadavg()[0],
    }


def _first(pattern, path):
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return found[1] if found else ""


def _first_line(text):
    return text.split("\n")[0]


def _said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
