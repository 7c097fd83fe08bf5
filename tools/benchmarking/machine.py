"""Describes the machine of the measurements."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path

PACKAGES = (
    "keras-mix",
    "tensorflow",
    "keras",
    "tensorflow-probability",
    "numpy",
    "keras-cv",
    "torch",
    "torchvision",
    "timm",
)


def describe():
    """Cores, processor, memory and versions, as a dict."""
    return {
        "cores": os.cpu_count(),
        "processor": read("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.machine(),
        "memory_gib": _memory(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def read(path, pattern):
    """Returns the match of a pattern in a system file, or None if there is no such file."""
    file = Path(path)
    found = re.search(pattern, file.read_text()) if file.exists() else None
    return found and found[1].strip()


def _memory():
    kib = read("/proc/meminfo", r"MemTotal:\s*(\d+) kB")
    return kib and round(int(kib) / 2**20, 1)


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
