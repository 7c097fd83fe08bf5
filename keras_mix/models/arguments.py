"""Checks of what the wrappers are given."""

import keras

from keras_mix import checks, keras_compat
from keras_mix.models import blends, places

# What a wrapper does by itself, and so not by the base's own way.
METHODS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


def mixers(owner, mixer):
    """The mixers as a list, if there are any."""
    if mixer is None:
        return []
    given = list(mixer) if isinstance(mixer, list | tuple) else [mixer]
    for one in given:
        checks.instance(owner, "mixer", one)
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"{owner}: a mixer needs the TensorFlow backend. Received: {one!r} on "
                f"{keras.backend.backend()}. Leave `mixer` out: Mixup's blend works on any."
            )
        if not blends.is_mixer(one):
            raise ValueError(
                f"{owner}: `mixer` must be a layer of keras_mix.layers, or a list of them. "
                f"Received: {one!r}"
            )
    return given


def check_mixer(owner, mixer):
    """Refuses a mixer with options that a model could not keep; None is the blend."""
    rule = getattr(mixer, "label_rule", None)
    if rule is not None:
        raise ValueError(
            f"{owner}: labels are mixed in the loss, by what is in each sample. Received: "
            f"label_rule={rule!r}. Map the mixer over the dataset."
        )
    smoothing = getattr(mixer, "label_smoothing", 0)
    if smoothing:
        raise ValueError(
            f"{owner}: labels are mixed in the loss, which a mixer cannot smooth. Received: "
            f"label_smoothing={smoothing}. Give it to the loss, such as "
            "CategoricalCrossentropy(label_smoothing=…)."
        )


def refuse_inside_another(model):
    """Inside another model nobody would mix the labels."""
    entry = keras_compat.entry_layer()
    if entry not in (None, model):
        checks.refuse(
            model.owner,
            "its labels are mixed in its own `compute_loss`, so it must be outermost in training",
            f"a call from inside {entry.name!r}",
            "Put its `base` there, and wrap the whole.",
        )


def check_base(owner, model):
    """Refuses what cannot be trained on mixtures."""
    checks.instance(owner, "model", model)
    if not isinstance(model, keras.Model):
        raise ValueError(f"{owner}: the base must be a Keras model. Received: {model!r}")
    for path, layer in {model.name: model, **places.tree(model)}.items():
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"{owner}: a stateful recurrent layer hands the state of mixed samples on to the "
                f"next batch. Received: {path!r} with stateful=True. Make it stateless."
            )
        if hasattr(layer, "mix_points"):
            raise ValueError(
                f"{owner}: the base must not mix by itself. Received: {path!r}, a "
                f"{type(layer).__name__}. Give its `base`."
            )
    for method in METHODS:
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise ValueError(
                f"{owner}: the base's own `{method}` would not be used. Received: "
                f"{type(model).__name__}, which defines it. Take it out, or mix in tf.data."
            )
