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


def refuse_other_backends(mixer, args, kwargs):
    """Inside a model of another backend TensorFlow's operations cannot run."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        return
    given = tf.nest.flatten((args, kwargs))
    if any(isinstance(v, keras.KerasTensor) or keras.ops.is_tensor(v) for v in given):
        checks.refuse(
            mixer.owner,
            "a mixer works inside a model on the TensorFlow backend only",
            f"a tensor of the {backend} backend",
            "Map the mixer over a tf.data dataset, or wrap the model in "
            "keras_mix.models.ManifoldMixup; both work with any backend.",
        )


def refuse_lost_labels(mixer, structure):
    """A model whose inputs alone are mixed would train on the wrong labels, without a word."""
    if len(structure) > 1 or mixer.inputs_only:
        return
    checks.refuse(
        mixer.owner,
        "a model that mixes its inputs must mix its labels with them",
        "inputs alone, in training",
        "Wrap the model, `keras_mix.models.MixingModel(model)`; or call the layer on inputs and "
        "labels, `x, y = layer(x, y)`; or map it over the dataset; or say inputs_only=True.",
    )
