"""Checks of what the wrappers are given."""

import keras

from keras_mix._core import checks, leaf_names
from keras_mix._core.kinds import OF_OBJECTS
from keras_mix._core.options import idle_options
from keras_mix.losses import MixedLoss
from keras_mix.models._forward import blends
from keras_mix.models._points import inputs, mix_points

KINDS_OF_TARGETS = ("labels", "values", "segmentation_masks", "frame_labels")
KINDS = (*inputs.KINDS, *KINDS_OF_TARGETS)
# Kinds that say which time steps are valid.
PADDED = ("lengths", "masks")
# What a wrapper does by itself, and so not by the base's own way.
METHODS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


def mixers(owner, mixer):
    """The mixers as a list, if there are any."""
    if mixer is None:
        return []
    given = list(mixer) if isinstance(mixer, list | tuple) else [mixer]
    if not given:
        checks.refuse(owner, "`mixer` must be a layer, or a list of at least one", repr(mixer))
    for one in given:
        checks.instance(owner, "mixer", one)
        if not blends.is_mixer(one):
            raise ValueError(
                f"{owner}: `mixer` must be a layer of keras_mix.layers, or a list of them. "
                f"Received: {one!r}"
            )
        _refuse_options_of_targets(owner, one)
    return given


def check_recursion(model, plain, points):
    """Refuses a mixer of the previous batch where a step could not hand its batch to the next.

    Args:
        model: The wrapper.
        plain: The class whose forward pass and loss know a previous batch.
        points: List of `mix_points.Point`.
    """
    if not any(getattr(mixer, "recurs", False) for mixer in _mixers_at(points)):
        return
    names = ("forward_pass", "completed", "objective", "measure")
    recipe = any(getattr(type(model), name) is not getattr(plain, name) for name in names)
    replicas = getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)
    layers = [layer for point in points for layer in point.layers]
    if recipe:
        rule = "a loss of its own knows no previous batch"
    elif replicas > 1:
        rule = "the previous batch cannot be kept by several replicas"
    elif len(layers) > 1 or not inputs.is_input(layers[0]):
        rule = "a mixer of the previous batch must be the only one, at the input"
    else:
        return
    pairs = zip(_mixers_at(points), points, strict=True)
    received = ", ".join(f"{mixer!r} at {point.name!r}" for mixer, point in pairs)
    way_out = "Mix in the dataset: keras_mix.data.mix(dataset, mixer)."
    checks.refuse(model.owner, rule, received, way_out)


def _mixers_at(points):
    return [getattr(point.blend, "given", None) for point in points]


def check_mixer(owner, mixer):
    """Refuses a mixer with options that a model could not keep; None is the blend."""
    given = getattr(mixer, "kinds", {})
    _refuse_objects(owner, given)
    padded = {name: kind for name, kind in given.items() if kind in PADDED}
    if padded:
        raise ValueError(
            f"{owner}: the mixer must have no lengths and masks among its `kinds`, since a model "
            f"does not see them where it mixes, and counts padding. Received: kinds={padded}. Map "
            "the mixer over the dataset: keras_mix.data.mix(dataset, mixer)."
        )
    rule = getattr(mixer, "label_rule", None)
    if rule is not None:
        raise ValueError(
            f"{owner}: labels are mixed in the loss, by the weights of the plan, so the mixer must "
            f"have no `label_rule`. Received: label_rule={rule!r}. Map the mixer over the dataset."
        )
    if getattr(mixer, "label_mode", "auto") == "union":
        raise ValueError(
            f"{owner}: labels are mixed in the loss, by the weights of the plan, and cannot be a "
            'union. Received: label_mode="union". Map the mixer over the dataset.'
        )


def smoothing(owner, mixers):
    """The label smoothing that all mixers share; the blend, None, has none."""
    found = {getattr(mixer, "label_smoothing", 0.0) for mixer in mixers}
    if len(found) > 1:
        raise ValueError(
            f"{owner}: all mixers must have the same `label_smoothing`, and the blend has 0. "
            f"Received: label_smoothing={sorted(found)}"
        )
    return found.pop()


def kinds(owner, given):
    """A dict from names of inputs and targets to their kinds."""
    found = checks.mapping("kinds", given)
    _refuse_objects(owner, found)
    for name, kind in found.items():
        if kind not in KINDS:
            raise ValueError(
                f"{owner}: `kinds` must map inputs to one of {list(inputs.KINDS)} and targets to "
                f"one of {list(KINDS_OF_TARGETS)}. Received: kinds={{{name!r}: {kind!r}}}"
            )
    return found


def _refuse_objects(owner, kinds):
    for name, kind in kinds.items():
        if kind in OF_OBJECTS:
            raise ValueError(
                f"{owner}: {kind} can only be mixed in the dataset, since a model mixes targets in "
                f"its loss. Received: kinds={{{name!r}: {kind!r}}}. Map the mixer over "
                "the dataset: keras_mix.data.mix(dataset, mixer)."
            )


def check_names(owner, given, x, y):
    """Refuses a name in `kinds` that no input and no target has."""
    if x is None:
        return
    known = [path for path, _ in (*inputs.paths("x", x), *inputs.paths("y", y))]
    for name in given:
        if not any(name in (path, leaf_names.key(path)) for path in known):
            checks.refuse(owner, f"`kinds` must name inputs and targets, {known}", repr(name))


# Options of a mixer that change labels, or what lies beside them, and so nothing in a model.
_OF_TARGETS = {
    "num_classes": "labels are mixed in the loss, as they are",
    "label_mode": "labels are mixed in the loss, as they are",
    "soft_masks": "labels are mixed in the loss, as they are",
    "bounding_boxes": "labels are mixed in the loss, as they are",
    "sequences": "token ids are mixed at their embedding",
    "inputs_only": "the model mixes the labels with the inputs",
}


def _refuse_options_of_targets(owner, mixer):
    """Refuses options of a mixer that have no effect inside a model."""
    given = mixer.stated_options(_OF_TARGETS)
    if given.get("label_mode") == "union":
        # It would have an effect, which `check_mixer` refuses.
        del given["label_mode"]
    idle_options.refuse(f"{owner}({mixer.owner})", given, _OF_TARGETS)


def seed(owner, given, mixers):
    """The seed of all draws of a model: its own, or that of its mixers."""
    seeds = {given, *(mixer.seed for mixer in mixers)} - {None}
    if len(seeds) > 1:
        raise ValueError(
            f"{owner}: all draws of the model must have one seed. Received: seed={given!r} and "
            f"{[mixer.seed for mixer in mixers]} for the mixers. Pass it to the {owner} alone."
        )
    return next(iter(seeds), None)


def refuse_inside(owner, outer):
    """Refuses to train inside another model, whose loss would not mix the labels."""
    checks.refuse(
        owner,
        "it mixes labels in its own `compute_loss`, so it must be the outermost model in training",
        f"a call from inside {outer.name!r}",
        "Use its `base` there, and wrap the outer model.",
    )


def check_losses(owner, losses):
    """Refuses a structure of losses without any, or with one that a model does not mix."""
    given = [loss for loss in keras.tree.flatten(losses) if loss is not None]
    if not given:
        raise ValueError(
            f"{owner}: `compile` needs a loss, in which labels are mixed. Received: "
            f"loss={losses!r}. Compile with any Keras loss."
        )
    for loss in given:
        _refuse_packed(owner, loss)


def _refuse_packed(owner, loss):
    """Refuses a `MixedLoss`: it reads targets that a mixer has packed, and a model packs none."""
    if not isinstance(loss, MixedLoss):
        return
    base = loss.base_loss
    weights = ", and its `class_weight` to `fit`" if loss.class_weight else ""
    raise ValueError(
        f"{owner}: a MixedLoss is for targets that a mixer has packed in the dataset, while the "
        "model mixes any loss by itself. Received: a MixedLoss. Pass its base loss, "
        f"{getattr(base, '__name__', type(base).__name__)!r}{weights}."
    )


def check_base(owner, model):
    """Refuses what cannot be trained on mixtures."""
    checks.instance(owner, "model", model)
    if not isinstance(model, keras.Model):
        swapped = f" The model comes first: {owner}(model, mixer=mixer)." * blends.is_mixer(model)
        raise ValueError(f"{owner}: the base must be a Keras model. Received: {model!r}.{swapped}")
    for path, layer in {model.name: model, **mix_points.tree(model)}.items():
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"{owner}: a stateful recurrent layer would carry the state of mixed samples into "
                f"the next batch. Received: {path!r} with stateful=True. Make it stateless."
            )
        if hasattr(layer, "mix_points"):
            raise ValueError(
                f"{owner}: the base must not be or contain a mixing model. Received: {path!r}, a "
                f"{type(layer).__name__}. Pass its `base` instead."
            )
    for method in METHODS:
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise ValueError(
                f"{owner}: the base must not define `{method}`, which would not be used. Received: "
                f"{type(model).__name__}, which defines it. Remove it, or mix in tf.data."
            )
