"""Describes the machine of the measurements."""

import importlib.metadata
import os
import platform
import re
import threading
import time
from pathlib import Path

import numpy as np

# Of a pipeline, of TensorFlow inside of an op, and of a peer.
THREADS = 2
PACKAGES = (
    *("keras-mix", "tensorflow", "keras", "tensorflow-probability", "numpy"),
    *("keras-cv", "torch", "torchvision", "timm", "kornia", "albumentations"),
)
ALLOCATORS = r"(tcmalloc|jemalloc|mimalloc)"
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
# Of STREAM's copy: four times as large as the largest cache, says its author; and its repetitions.
STREAM_BYTES, STREAM_TIMES = 2**29, 10


def describe():
    """Cores, processor, memory, its bandwidth and its allocator, and versions, as a dict."""
    return {
        "cores": os.cpu_count(),
        "processor": read("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.machine(),
        "memory_gib": _memory(),
        "threads": THREADS,
        "bandwidth_gb": bandwidth(),
        "allocator": read("/proc/self/maps", ALLOCATORS) or " ".join(platform.libc_ver()),
        "huge_pages": read(HUGE_PAGES, r"\[(\w+)\]") or "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def bandwidth():
    """GB/s of STREAM's copy, the best of several: bytes read plus bytes written.

    McCalpin, "Memory bandwidth and machine balance in current high performance computers", 1995.
    It writes to pages that it has; new ones cost more, which is what the default regime pays.
    """
    source = np.ones(STREAM_BYTES // 8)
    target = np.zeros_like(source)
    halves = (np.array_split(array, THREADS) for array in (source, target))
    parts = list(zip(*halves, strict=True))
    fastest = min(_seconds_of_copy(parts) for _ in range(STREAM_TIMES))
    return 2 * STREAM_BYTES / fastest / 1e9


def read(path, pattern):
    """Returns the match of a pattern in a system file, or None if there is no such file."""
    file = Path(path)
    found = re.search(pattern, file.read_text()) if file.exists() else None
    return found and found[1].strip()


def _seconds_of_copy(parts):
    copies = [threading.Thread(target=np.copyto, args=(to, of)) for of, to in parts]
    start = time.perf_counter()
    for each in copies:
        each.start()
    for each in copies:
        each.join()
    return time.perf_counter() - start


def _memory():
    kib = read("/proc/meminfo", r"MemTotal:\s*(\d+) kB")
    return kib and round(int(kib) / 2**20, 1)


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
