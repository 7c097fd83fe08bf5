"""The output folder of a comparison: its lock, and the finished runs in it."""

import contextlib
import os
import pathlib
import tempfile

from keras_mix._core import atomic_file
from keras_mix._core.optional_imports import require
from keras_mix.evaluate.results import FILE, Results

_LOCK = ".keras-mix.lock"


@contextlib.contextmanager
def claimed(folder):
    """Makes a folder, and keeps other processes from comparing into it.

    A folder that was made and stays empty is removed again.

    Args:
        folder: String or path, `~` for the home folder; or None, for which nothing happens.

    Yields:
        `pathlib.Path`, or None for None. The claim ends with the process, also by a kill; within
        the process it may be repeated.

    Raises:
        OSError: In one sentence, if no file can be written there or another process writes.
    """
    if folder is None:
        yield None
        return
    folder = pathlib.Path(os.path.expanduser(folder))
    filelock = require("filelock", "A comparison with an output folder")
    lock = filelock.FileLock(folder / _LOCK, timeout=0, is_singleton=True)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        lock.acquire()
    except filelock.Timeout as error:
        raise OSError(
            "The output folder must be written by one comparison at a time. "
            f"Received: {str(folder)!r}, in use by another process; wait for it, or choose another"
        ) from error
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror
        raise OSError(
            "The output folder must be one that can be written. "
            f"Received: {str(folder)!r} ({reason})"
        ) from error
    try:
        if lock.lock_counter == 1:
            atomic_file.sweep(folder, age=0)
        yield folder
    finally:
        if lock.lock_counter == 1:
            with contextlib.suppress(OSError):  # gone with its folder, or in use on Windows
                os.unlink(lock.lock_file)
        lock.release()
        if made:
            with contextlib.suppress(OSError):  # it holds files
                folder.rmdir()


def resume(folder, settings, mixers):
    """Reads the finished runs of a comparison, or starts an empty one.

    A folder holds one comparison: more mixers and more seeds may join it, other settings may not.

    Args:
        folder: String or path; None for results that are kept nowhere.
        settings: Dict of what all runs share.
        mixers: Dict from names to configs of the mixers that are to be compared now.

    Returns:
        `keras_mix.evaluate.Results` with the finished runs and the mixers of both.

    Raises:
        ValueError: If settings or a mixer's config differ, or `results.json` is damaged.
    """
    if folder is None or not (path := pathlib.Path(folder) / FILE).exists():
        return Results(settings, mixers)
    try:
        kept = Results.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"The finished runs in {str(path)!r} cannot be read: {error}. Choose another folder, "
            "or delete the file, and its runs are trained again"
        ) from error
    shared = kept.mixers.keys() & mixers.keys()
    differences = [
        *_differences(kept.settings, settings, kept.settings.keys() | settings.keys()),
        *_differences(kept.mixers, mixers, shared),
    ]
    if differences:
        raise ValueError(
            f"The output folder {str(folder)!r} holds runs with other settings than these: "
            f"{', '.join(differences)}. Choose another folder, or delete {FILE} there"
        )
    return Results(settings, {**kept.mixers, **mixers}, kept.runs)


def _differences(there, here, keys):
    return [
        f"{key} was {there.get(key)} and is {here.get(key)}"
        for key in sorted(keys)
        if there.get(key) != here.get(key)
    ]
