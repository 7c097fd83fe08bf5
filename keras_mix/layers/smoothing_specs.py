"""Which targets of a batch are labels that `label_smoothing` smooths; the rest is refused."""

from keras_mix import checks
from keras_mix.naming import entry, key
from keras_mix.value_checks import check_shares

# Labels by their kind, whatever stands beside them.
_LABELS = ("class_ids", "labels", "frame_labels", "soft_masks")


def with_smoothing(mixer, leaves, specs):
    """The specs, those of labels with the mixer's smoothing."""
    targets = [leaf for leaf in leaves if leaf.target and leaf.kind != "passthrough"]
    if not mixer.label_smoothing or not targets:
        return specs
    if mixer.labels == "values":
        named = (
            f', or name only the numbers, for example kinds={{"{key(targets[0].name)}": "values"}}'
        )
        checks.refuse(
            mixer.owner,
            '`label_smoothing` smooths labels, and labels="values" says that targets are numbers',
            f"label_smoothing={mixer.label_smoothing}",
            f"Leave out one of the two{named if len(targets) > 1 else ''}.",
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
    return entry(mixer.kinds, leaf.name)


def _smoothed(mixer, leaf, spec):
    if spec.kind not in ("class_ids", "soft_masks"):
        name = key(leaf.name)
        check_shares(
            mixer.owner,
            leaf,
            "must hold labels, numbers from 0 to 1, to be smoothed by `label_smoothing`",
            f'Leave that out; or name numbers beside labels, kinds={{"{name}": "values"}}.',
        )
    return spec._replace(smoothing=mixer.label_smoothing)
