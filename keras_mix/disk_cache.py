"""Tensors kept on disk, each under a key of what it was made from."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

_FORMAT = 1


def key_of(name, version, spec, values):
    """The key of a result: a hash of the maker, of the form it gives, and of all inputs' content.

    Args:
        name: str, the maker's name.
        version: str, the maker's version.
        spec: The `tf.TensorSpec` of its results.
        values: numpy arrays, or bytes.
    """
    digest = hashlib.sha256()
    head = [_FORMAT, name, version, spec.dtype.name, str(spec.shape)]
    _add(digest, json.dumps(head).encode())
    for value in values:
        value = np.asarray(value, object) if isinstance(value, bytes | str) else np.asarray(value)
        _add(digest, f"{value.dtype} {value.shape}".encode())
        if value.dtype == object:
            for item in value.ravel():
                _add(digest, item if isinstance(item, bytes) else str(item).encode())
        else:
            _add(digest, np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


class DiskCache:
    """A folder of tensors. Whole files only ever appear in it, also when several runs write.

    Args:
        folder: Its path; it is made at the first write.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def read(self, key, spec):
        """The numpy array (or scalar) under a key, or None where there is none that fits."""
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        checksum, tensor = content[:32], content[32:]
        # A damaged file is made anew.
        if hashlib.sha256(tensor).digest() != checksum:
            return None
        found = tf.io.parse_tensor(tensor, spec.dtype)
        return found.numpy() if spec.shape.is_compatible_with(found.shape) else None

    def write(self, key, value):
        """Keeps a numpy array under a key."""
        tensor = tf.io.serialize_tensor(tf.convert_to_tensor(value)).numpy()
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(tensor).digest() + tensor)
        os.replace(draft, path)

    def _path(self, key):
        return self.folder / key[:2] / f"{key[2:]}.tensor"


def _add(digest, content):
    """With its length first, so that no two lists of parts look alike."""
    digest.update(len(content).to_bytes(8, "little"))
    digest.update(content)
