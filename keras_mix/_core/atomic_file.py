"""Atomic writes of files."""

import contextlib
import os
import secrets
import time
from pathlib import Path

DRAFT_SUFFIX = ".draft"
_DAY = 86400.0


def write(path, content):
    """Replaces a file atomically; safe for concurrent processes.

    The content is written to a temporary file in the same folder, synced to disk and renamed, so a
    reader sees the old or the new content, also after a kill or a power cut. Missing folders are
    created. `sweep` removes temporary files that a killed process left behind.

    Args:
        path: str or path. A pipe or a device is written directly.
        content: bytes.

    Raises:
        OSError: If the file cannot be written, with its name. The old file is kept, and the
            temporary file is removed.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error


def sweep(folder, age=_DAY):
    """Removes temporary files of `write` that have not changed for some time.

    Args:
        folder: str or path. A missing folder is ignored.
        age: Float, in seconds. 0 removes all of them; use it only if no other process writes.
    """
    now = time.time()
    for draft in Path(folder).glob(f".*{DRAFT_SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may have removed it
            if now - draft.stat().st_mtime >= age or age == 0:
                draft.unlink()


def _replace(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(8)}{DRAFT_SUFFIX}")
    try:
        with open(draft, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    _sync(path.parent)


def _sync(folder):
    """Syncs the names in a folder to disk, if the system supports it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
