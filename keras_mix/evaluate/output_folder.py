"""The output folder of a comparison: whether it can be written, and what is finished there."""

import pathlib
import tempfile

from keras_mix.evaluate.results import FILE, Results


def check_writable(folder):
    """Makes a folder, and its parents, unless it is there.

    Raises:
        OSError: in one sentence, if no file can be written there.
    """
    try:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            "The output folder must be one that can be written. "
            f"Received: {str(folder)!r} ({error.strerror})"
        ) from error


def resume(folder, settings, mixers):
    """Reads the finished runs of a comparison, or starts an empty one.

    A folder holds one comparison: more mixers and more seeds may join it, other settings may not.

    Args:
        folder: str or path, or None for results that are kept nowhere.
        settings: dict, what all runs share.
        mixers: dict, name → config, of the mixers that are to be compared now.

    Returns:
        `keras_mix.evaluate.Results` with the finished runs and the mixers of both.

    Raises:
        ValueError: if the folder's settings, or its config of a mixer of the same name, differ,
            or its `results.json` cannot be read.
    """
    if folder is None or not (path := pathlib.Path(folder) / FILE).exists():
        return Results(settings, mixers)
    kept = Results.from_json(path.read_text(encoding="utf-8"))
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
