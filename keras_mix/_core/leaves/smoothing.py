"""Which targets of a batch `label_smoothing` applies to; it needs at least one."""

import dataclasses

from keras_mix._core import checks
from keras_mix._core.batch.value_checks import check_shares
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.labels import BinaryLabels, ClassIds, Labels
from keras_mix._core.leaves.segmentation_masks import SoftMasks


def bind(mixer, leaves, rules):
    """Completes the rules of labels by the mixer's smoothing."""
    targets = [leaf for leaf in leaves if leaf.target and leaf.kind != "passthrough"]
    if not targets:
        return rules
    if mixer.label_mode == "values":
        named = (
            f', or name only the numbers, for example kinds={{"{key(targets[0].name)}": "values"}}'
        )
        checks.refuse(
            mixer.owner,
            '`label_smoothing` needs labels, but label_mode="values" treats targets as numbers',
            f"label_smoothing={mixer.label_smoothing}",
            f"Leave one of the two out{named if len(targets) > 1 else ''}.",
        )
    pairs = list(zip(leaves, rules, strict=True))
    smooths = [_is_label(mixer, *pair) for pair in pairs]
    if not any(smooths):
        # Floats of no declared kind are labels if no other target is one.
        smooths = [_is_number(*pair) and _stated(mixer, pair[0]) is None for pair in pairs]
    if not any(smooths):
        received = ", ".join(f"{leaf.name}: {checks.described(leaf.tensor)}" for leaf in targets)
        checks.refuse(
            mixer.owner,
            f"`label_smoothing={mixer.label_smoothing}` needs a label: class ids, floats (B,), "
            "(B, 1) or (B, K) from 0 to 1, frame_labels, or masks under soft_masks=True",
            received,
            "Leave out label_smoothing.",
        )
    return [
        _smoothed(mixer, *pair) if smooth else pair[1]
        for pair, smooth in zip(pairs, smooths, strict=True)
    ]


def _is_label(mixer, leaf, rule):
    """Whether a leaf is a label, by its rule or by the mixer's `kinds`."""
    known = isinstance(rule, Labels | SoftMasks)
    return known or (_is_number(leaf, rule) and _stated(mixer, leaf) == "labels")


def _is_number(leaf, rule):
    """Whether a leaf is a float target with one label for each sample, (B,) to (B, 1, K)."""
    return leaf.target and type(rule) is Dense and all(n == 1 for n in leaf.tensor.shape[1:-1])


def _stated(mixer, leaf):
    return entry(mixer.kinds, leaf.name)


def _smoothed(mixer, leaf, rule):
    if not isinstance(rule, ClassIds | SoftMasks):
        name = key(leaf.name)
        check_shares(
            mixer.owner,
            leaf,
            "must hold labels, numbers from 0 to 1, to be smoothed by `label_smoothing`",
            f'Leave it out, or name targets that are numbers, kinds={{"{name}": "values"}}.',
        )
    if isinstance(rule, Dense) and not isinstance(rule, SoftMasks):
        return BinaryLabels(rule.dtype, smoothing=mixer.label_smoothing)
    return dataclasses.replace(rule, smoothing=mixer.label_smoothing)
