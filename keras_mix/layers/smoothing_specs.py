"""Which targets of a batch are labels that `label_smoothing` smooths; the rest is refused."""

import numpy as np
import tensorflow as tf

from keras_mix import checks
from keras_mix.reading import key, known_values

# Labels by their kind, whatever stands beside them.
_LABELS = ("class_ids", "labels", "frame_labels", "soft_masks")
# Sums of shares are rounded.
_MARGIN = 1e-5


def with_smoothing(mixer, leaves, specs):
    """The specs, those of labels with the mixer's smoothing."""
    targets = [leaf for leaf in leaves if leaf.target and leaf.kind != "passthrough"]
    if not mixer.label_smoothing or not targets:
        return specs
    if mixer.labels == "values":
        checks.refuse(
            mixer.owner,
            '`label_smoothing` smooths labels, and labels="values" says that targets are numbers',
            f"label_smoothing={mixer.label_smoothing}",
            'Leave out one of the two; or name the numbers, kinds={"age": "values"}.',
        )
    named = any(_is_label(mixer, *each) for each in zip(leaves, specs, strict=True))
    smoothed = [
        _smoothed(mixer, leaf, spec)
        if _is_label(mixer, leaf, spec) or (not named and _may_be_binary(mixer, leaf, spec))
        else spec
        for leaf, spec in zip(leaves, specs, strict=True)
    ]
    if not any(spec.smoothing for spec in smoothed):
        received = ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in targets)
        checks.refuse(
            mixer.owner,
            f"`label_smoothing={mixer.label_smoothing}` needs a label: class ids, floats (B,), "
            "(B, 1) or (B, K) from 0 to 1, frame_labels, or masks under soft_masks=True",
            received,
            "Leave out label_smoothing.",
        )
    return smoothed


def _is_label(mixer, leaf, spec):
    """Whether a leaf is a label by its kind, or by what `kinds` says."""
    return spec.kind in _LABELS or (_has_one_label(leaf, spec) and _stated(mixer, leaf) == "labels")


def _may_be_binary(mixer, leaf, spec):
    """Whether floats without a kind are labels where no other target is."""
    return _has_one_label(leaf, spec) and _stated(mixer, leaf) is None


def _has_one_label(leaf, spec):
    """Whether a target of floats has one label a sample: (B,), (B, 1), (B, 1, K)."""
    return leaf.target and spec.kind == "values" and all(n == 1 for n in leaf.tensor.shape[1:-1])


def _stated(mixer, leaf):
    return mixer.kinds.get(leaf.name) or mixer.kinds.get(key(leaf.name))


def _smoothed(mixer, leaf, spec):
    if spec.kind not in ("class_ids", "soft_masks"):
        _check_shares(mixer.owner, leaf)
    return spec._replace(smoothing=mixer.label_smoothing)


def _check_shares(owner, leaf):
    """Refuses numbers that no label has: at once where values are known, else in the graph."""
    if not leaf.tensor.dtype.is_floating:
        return
    rule = "must hold labels, numbers from 0 to 1, to be smoothed by `label_smoothing`"
    way_out = (
        f'Leave that out; or name numbers beside labels, kinds={{"{key(leaf.name)}": "values"}}.'
    )
    values = known_values(leaf.tensor)
    if values is None:
        legal = (leaf.tensor >= -_MARGIN) & (leaf.tensor <= 1 + _MARGIN)
        tf.debugging.assert_equal(legal, True, f"{owner}: `{leaf.name}` {rule}. {way_out}")
        return
    numbers = np.asarray(values).astype(np.float64)
    if not ((numbers >= -_MARGIN) & (numbers <= 1 + _MARGIN)).all():
        received = f"values from {numbers.min():.6g} to {numbers.max():.6g}"
        checks.reject(owner, leaf.name, rule, received, way_out)
