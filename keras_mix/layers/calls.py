"""The forms in which a mixer is called."""

import keras
import tensorflow as tf

from keras_mix import checks


def arranged(x, y, sample_weight):
    """The structure to read, and how its mixed copy is returned as it was given."""
    if y is not None:
        return (x, y) if sample_weight is None else (x, y, sample_weight), tuple
    if sample_weight is not None:
        checks.refuse("Mixer", "`sample_weight` belongs to labels", "y=None")
    if isinstance(x, dict):
        return x, _same
    if not isinstance(x, tuple):
        return (x,), _only
    if not 1 <= len(x) <= 3:
        checks.refuse(
            "Mixer",
            "a tuple must be (x,), (x, y) or (x, y, sample_weight)",
            f"{len(x)} entries",
            "Put several inputs into a list or a dict.",
        )
    return x, tuple


def _same(structure):
    return structure


def _only(structure):
    return structure[0]


def refuse_models_that_lose_labels(mixer, args, kwargs):
    """A model whose inputs alone are mixed would train on the wrong labels, without a word."""
    given = tf.nest.flatten((args, kwargs))
    symbolic = any(isinstance(value, keras.KerasTensor) for value in given)
    backend = keras.config.backend()
    if backend != "tensorflow" and any(symbolic or keras.ops.is_tensor(v) for v in given):
        checks.refuse(
            mixer.owner,
            "a mixer works inside a model on the TensorFlow backend only",
            f"a tensor of the {backend} backend",
            "Map the mixer over a tf.data dataset, which works with any backend.",
        )
    if symbolic and not mixer.inputs_only and not _with_labels(*args, **kwargs):
        checks.refuse(
            mixer.owner,
            "a model that mixes its inputs must mix its labels with them",
            "symbolic inputs alone",
            "Call the layer on inputs and labels, `x, y = layer(x, y)`, map it over the "
            "dataset instead, or say inputs_only=True.",
        )


def _with_labels(x, y=None, *others, **options):
    """Whether a call has anything beside its inputs."""
    return y is not None or (isinstance(x, dict | tuple) and len(x) > 1)
