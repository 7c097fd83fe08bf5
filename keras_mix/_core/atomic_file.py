"""Files that appear whole or not at all."""

import contextlib
import os
import secrets
import time
from pathlib import Path

DRAFT_SUFFIX = ".draft"
_DAY = 86400.0


def write(path, content):
    """Replaces a file in one step.

    The content goes into a draft beside the file, from there to the disk, and then takes the
    file's name: a reader, a kill or a power cut meets the old content or the new one. Missing
    folders are made. Drafts that a kill left behind go with `sweep`.

    Args:
        path: str or path. A pipe or a device is written directly.
        content: bytes.

    Raises:
        OSError: with the file's name, if it cannot be written; what was there stays, no draft
            does.
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
    """Removes the drafts in a folder that have not changed for some time.

    Args:
        folder: str or path; nothing happens if it is missing.
        age: float in seconds; 0 for all drafts, where no other process writes.
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
    """Brings a folder's new names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
