"""FillModality."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.synthesis import _disk_cache


@argument_errors.name_class
class FillModality:
    """Fills a missing modality of a dataset by any callable, for use with `dataset.apply`.

    Each sample that lacks the target modality is passed to the generator: a speech synthesizer, a
    text-to-image model, a recognizer that writes pseudo-transcripts. Results are cached on disk
    under the generator's name and version and the content of the inputs, so each is generated once;
    change the version when the generator changes. A sample for which the generator raises, or whose
    result does not match `spec`, is skipped, counted, and tried again in the next pass. The order
    of samples is kept; their number is unknown in advance.

    Each sample comes out with a flag, `"synthetic"` by default, beside the modalities, and with a
    sample weight: `weight` times its own weight if it is synthetic, else its own weight, or 1. The
    callable runs in Python, outside the graph, so the dataset cannot be serialized.

    Args:
        generator: Callable from the source values of one sample, in the order of `source` (strings
            as str, all else as NumPy arrays), to the value of the target.
        source: String, or list of strings. Keys of the modalities that the generator reads.
        target: String. Key of the modality to fill.
        name: String. Name of the generator, part of the cache key.
        version: String. Version of the generator, part of the cache key; include all that results
            depend on, such as a voice or a checkpoint. Defaults to `"1"`.
        spec: `tf.TensorSpec` of one filled value, such as `tf.TensorSpec([None], tf.float32)` for a
            waveform. Defaults to None: the dataset's own spec of the target.
        missing: Callable from a sample's dict of modalities to a scalar bool, whether it lacks the
            target. Defaults to None: all samples lack it if the dataset has no such key, else those
            whose value is empty, of size 0 or `""`.
        weight: Float ≥ 0. Factor of the sample weight of synthetic samples. Defaults to 1.
        flag: String. Key of the flag. Defaults to `"synthetic"`.
        cache: Path of a folder to keep results in, created with the first one and safe for
            concurrent processes. Damaged files are generated again, and an unwritable folder only
            prevents caching; both are logged by the logger `keras_mix.synthesis`. Defaults to None:
            no cache.
        max_failures: Integer ≥ 0. Number of failures to skip before the next one is raised.
            Defaults to None: unlimited.
        num_parallel_calls: Integer ≥ 1 or None. Number of samples generated in parallel, as in
            `Dataset.map`. Defaults to None: one.

    Call arguments:
        dataset: Unbatched `tf.data.Dataset` of a dict of modalities, (dict, y) or (dict, y,
            sample_weight). A dict alone gets its weight under "sample_weights", a tuple as its
            third element.

    Attributes:
        counts: Dict of the numbers of samples, over all passes so far, whose target was
            "generated", "cached" (read from the cache) or "failed" (skipped).
        failures: List of the last failure messages, up to 20.

    Raises:
        ValueError: If an argument is out of range; if the dataset is not a dict of modalities,
            lacks the source, already has the flag, or does not specify the target.

    Example:

    >>> def speak(text):
    ...     return np.sin(np.arange(100 * len(text)) * 0.1)
    >>> fill = keras_mix.synthesis.FillModality(
    ...     speak, "text", "audio", name="hum", spec=tf.TensorSpec([None], tf.float32), weight=0.5
    ... )
    >>> texts = tf.data.Dataset.from_tensor_slices({"text": ["one", "two words"]})
    >>> [sample["audio"].shape[0] for sample in texts.apply(fill)]
    [300, 900]
    >>> fill.counts
    {'generated': 2, 'cached': 0, 'failed': 0}
    """

    def __init__(
        self,
        generator: Callable[..., Any],
        source: str | Sequence[str],
        target: str,
        *,
        name: str,
        version: str = "1",
        spec: tf.TensorSpec | None = None,
        missing: Callable[[Any], Any] | None = None,
        weight: float = 1.0,
        flag: str = "synthetic",
        cache: str | os.PathLike[str] | None = None,
        max_failures: int | None = None,
        num_parallel_calls: int | None = None,
    ) -> None:
        if not callable(generator):
            raise ValueError(f"`generator` must be a callable. Received: generator={generator!r}")
        if not isinstance(name, str) or not name:
            raise ValueError(
                f"`name` must be a string, the generator's name. Received: name={name!r}"
            )
        if missing is not None and not callable(missing):
            raise ValueError(f"`missing` must be a callable or None. Received: missing={missing!r}")
        self.generator = generator
        self.source = checks.names("source", [source] if isinstance(source, str) else source)
        self.target = target
        self.name = name
        self.version = str(version)
        self.spec = spec
        self.missing = missing
        self.weight = checks.number("weight", weight)
        self.flag = flag
        self.max_failures = checks.integer("max_failures", max_failures, low=0, optional=True)
        self.num_parallel_calls = num_parallel_calls
        self.failures: list[str] = []
        self._cache = None if cache is None else _disk_cache.DiskCache(cache)
        self._counts = {"generated": 0, "cached": 0, "failed": 0}
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of samples that were generated, read from the cache, or failed, so far."""
        with self._lock:
            return dict(self._counts)

    def __call__(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        element = dataset.element_spec
        modalities = element[0] if isinstance(element, tuple) else element
        spec = self._checked(modalities, element)
        fill = tf.autograph.experimental.do_not_convert(functools.partial(self._filled, spec))
        parallel = {} if self.num_parallel_calls is None else {"deterministic": True}
        filled = dataset.map(fill, num_parallel_calls=self.num_parallel_calls, **parallel)
        return filled.filter(_is_there).map(_sample)

    def made(self, values, spec):
        """Returns (value, success) for the source values of a sample; empty after a failure."""
        key = _disk_cache.key_of(self.name, self.version, spec, values)
        found = None if self._cache is None else self._cache.read(key, spec)
        if found is not None:
            return self._counted("cached", found)
        try:
            made = _fitting(self.generator(*[_plain(value) for value in values]), spec)
        except Exception as error:
            self._record(error)
            return self._counted("failed", _empty(spec))
        if self._cache is not None:
            self._cache.write(key, made)
        return self._counted("generated", made)

    def _counted(self, outcome, value):
        with self._lock:
            self._counts[outcome] += 1
        return value, outcome != "failed"

    def _record(self, error):
        message = f"{self.name}: {type(error).__name__}: {error}"
        with self._lock:
            self.failures = [*self.failures, message][-20:]
            failed = self._counts["failed"]
        if self.max_failures is not None and failed >= self.max_failures:
            raise RuntimeError(
                f"FillModality: more than {self.max_failures} samples could not be filled. "
                f"The last: {message}"
            ) from error

    def _checked(self, modalities, element):
        """The spec of a filled value; refuses datasets that cannot be filled."""
        owner = type(self).__name__
        if not isinstance(modalities, dict):
            checks.refuse(
                owner,
                "the dataset must yield a dict of modalities, (dict, y) or (dict, y, weight)",
                f"element_spec={element}",
            )
        lacking = [key for key in self.source if key not in modalities]
        if lacking:
            known = list(modalities)
            checks.refuse(
                owner, "`source` must name keys of the dataset", f"{lacking}, not in {known}"
            )
        if self.flag in modalities:
            received = f"flag={self.flag!r}"
            checks.refuse(owner, "`flag` must be a new key", received, "Pass another name.")
        spec = modalities.get(self.target) if self.spec is None else self.spec
        if not isinstance(spec, tf.TensorSpec) or spec.shape.rank is None:
            checks.refuse(
                owner,
                f"the spec of `{self.target}` must be known",
                f"spec={spec}",
                "Pass it, for example spec=tf.TensorSpec([None], tf.float32).",
            )
        own = modalities.get(self.target, spec)
        if own.dtype != spec.dtype or not own.shape.is_compatible_with(spec.shape):
            checks.refuse(owner, f"`spec` must match `{self.target}`", f"{spec} beside {own}")
        return spec

    def _filled(self, spec, modalities, *others):
        """The map function: whether a sample is complete, and the sample."""
        lacks = self._lacks(modalities)
        values = [modalities[key] for key in self.source]
        if self.target in modalities:
            value, there = tf.cond(
                lacks,
                lambda: self._generated(values, spec),
                lambda: (tf.ensure_shape(modalities[self.target], spec.shape), tf.constant(True)),
            )
        else:
            value, there = self._generated(values, spec)
        value.set_shape(spec.shape)
        filled = {**modalities, self.target: value, self.flag: lacks}
        return there, _weighted(filled, others, tf.where(lacks, self.weight, 1.0))

    def _generated(self, values, spec):
        value, there = tf.numpy_function(
            lambda *arrays: self.made(arrays, spec), values, (spec.dtype, tf.bool), stateful=True
        )
        return tf.ensure_shape(value, spec.shape), tf.ensure_shape(there, [])

    def _lacks(self, modalities):
        if self.missing is not None:
            lacks = tf.cast(self.missing(modalities), tf.bool)
            if lacks.shape.rank != 0:
                checks.refuse(
                    "FillModality",
                    "`missing` must return one boolean per sample",
                    f"shape={lacks.shape}",
                    "Unbatch the dataset first: dataset.unbatch().",
                )
            return lacks
        if self.target not in modalities:
            return tf.constant(True)
        value = modalities[self.target]
        if value.dtype == tf.string and value.shape.rank == 0:
            return tf.equal(value, "")
        return tf.equal(tf.size(value), 0)


def _weighted(filled, others, weight):
    """The sample in its form, with its weight times another."""
    if not others:
        own = filled.get("sample_weights")
        weight = weight if own is None else own * tf.cast(weight, own.dtype)
        return {**filled, "sample_weights": weight}
    if len(others) == 1:
        return filled, others[0], weight
    return filled, others[0], others[1] * tf.cast(weight, others[1].dtype)


def _is_there(there, sample):
    return there


def _sample(there, sample):
    return sample


def _empty(spec):
    """A placeholder for a value until its sample is skipped."""
    sizes = [size or 0 for size in spec.shape]
    if spec.dtype != tf.string:
        return np.zeros(sizes, spec.dtype.as_numpy_dtype)
    return np.full(sizes, b"", object) if sizes else b""


def _plain(value):
    """A value as a generator takes it: a string as str."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype == object:
        strings = [item.decode() for item in value.ravel()]
        return strings[0] if value.ndim == 0 else np.reshape(np.array(strings, object), value.shape)
    return value


def _fitting(value, spec):
    """A generator's result as the numpy array that the spec asks for."""
    if spec.dtype == tf.string:
        array = tf.convert_to_tensor(value, tf.string).numpy()
    else:
        array = np.asarray(value, spec.dtype.as_numpy_dtype)
    shape = np.shape(array)
    if not spec.shape.is_compatible_with(shape):
        raise ValueError(f"a value of shape {shape} instead of {spec.shape}")
    return array
