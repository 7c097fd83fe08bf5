"""A disk cache of tensors, keyed by what they were generated from."""

import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_mix._core import atomic_file

_FORMAT = 2  # part of every key: files of other formats are not found
_CHECKSUM_BYTES = 32
_LOGGER = logging.getLogger(__name__)


def key_of(name, version, spec, values):
    """Returns the key of a result: a hash of the generator, the spec and the content of all inputs.

    Args:
        name: String, the generator's name.
        version: String, the generator's version.
        spec: The `tf.TensorSpec` of its results.
        values: List of NumPy arrays or bytes.
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
    """A folder of tensors. Writes are atomic and safe for concurrent processes.

    A file that is damaged or holds the tensor of another key counts as missing. A failure to read
    or write loses the cached value only, and is logged by this module's logger.

    Args:
        folder: Path, with `~` for the home folder. Created at the first write.
    """

    def __init__(self, folder):
        self.folder = Path(os.path.expanduser(folder))
        self._writes = True

    def read(self, key, spec):
        """Returns the NumPy array (or scalar) of a key, or None if none matches the spec."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _LOGGER.warning("The cache file %s cannot be read (%s).", path, error.strerror)
            return None
        checksum, tensor = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if _checksum(key, tensor) == checksum:
            found = tf.io.parse_tensor(tensor, spec.dtype)
            if spec.shape.is_compatible_with(found.shape):
                return found.numpy()
        _LOGGER.warning("The cache file %s is damaged; its value is generated again.", path)
        return None

    def write(self, key, value):
        """Stores a NumPy array under a key."""
        tensor = tf.io.serialize_tensor(tf.convert_to_tensor(value)).numpy()
        path = self._path(key)
        try:
            atomic_file.sweep(path.parent)
            atomic_file.write(path, _checksum(key, tensor) + tensor)
        except OSError as error:
            if self._writes:  # once: a full disk is full for the next value too
                _LOGGER.warning(
                    "The cache folder %s cannot be written (%s); values are generated, but not "
                    "cached.",
                    self.folder,
                    error.strerror,
                )
            self._writes = False

    def _path(self, key):
        return self.folder / key[:2] / f"{key[2:]}.tensor"


def _checksum(key, tensor):
    """Of the key too, so that a file under another name does not fit."""
    return hashlib.sha256(key.encode() + tensor).digest()


def _add(digest, content):
    """With its length first, so that no two lists of parts look alike."""
    digest.update(len(content).to_bytes(8, "little"))
    digest.update(content)
