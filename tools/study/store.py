"""Keeps what is finished, so that a study that was interrupted goes on where it was.

`FOLDER/CELL/METHOD.npz` holds the trained weights of all seeds and lengths, so that a new score
needs no new training; `FOLDER/CELL/METHOD.json` the scores. Files appear whole or not at all.
"""

import io
import json

import numpy as np

from keras_mix._core import atomic_file


class Store:
    """The folder of a study.

    Args:
        folder: `pathlib.Path`.
    """

    def __init__(self, folder):
        self.folder = folder
        atomic_file.sweep(folder)

    def path(self, cell, method, suffix):
        """The file of a method in a cell."""
        return self.folder / cell.key / f"{method.replace(' ', '_')}{suffix}"

    def has_weights(self, cell, method):
        """Whether a method of a cell has been trained."""
        return self.path(cell, method, ".npz").exists()

    def save_weights(self, cell, method, weights, seconds):
        """Keeps what was trained.

        Args:
            cell: A `Cell`.
            method: String.
            weights: Dict from lengths to lists of arrays `(S, …)`.
            seconds: Dict from lengths to floats.
        """
        arrays = {
            f"{length}/{index}": array
            for length, arrays in weights.items()
            for index, array in enumerate(arrays)
        }
        arrays |= {f"{length}/seconds": np.float64(value) for length, value in seconds.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        atomic_file.write(self.path(cell, method, ".npz"), buffer.getvalue())

    def weights(self, cell, method):
        """The weights and seconds of `save_weights`."""
        weights, seconds = {}, {}
        with np.load(self.path(cell, method, ".npz")) as arrays:
            for name in arrays.files:
                length, what = name.rsplit("/", 1)
                if what == "seconds":
                    seconds[length] = float(arrays[name])
                else:
                    weights.setdefault(length, []).append(arrays[name])
        return weights, seconds

    def save_scores(self, cell, method, rows):
        """Keeps the scores of a method in a cell, a list of dicts."""
        content = json.dumps(rows, separators=(",", ":")) + "\n"
        atomic_file.write(self.path(cell, method, ".json"), content.encode())

    def scores(self, cell, method):
        """The rows of `save_scores`, or None if there are none."""
        path = self.path(cell, method, ".json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
