"""The table from the kind of a leaf to its rule, and the application of a plan to all leaves.

A new kind of leaf is a module with its rule and a `bind` function, one row of `KINDS`, and one of
`_core.kinds`, which says what is known of such leaves.
"""

from keras_mix._core.batch.batch import behind
from keras_mix._core.batch.region_grid import large_enough, same_size, sizes_of
from keras_mix._core.leaves import (
    boxes,
    dense,
    instance_masks,
    keypoints,
    labels,
    missing_values,
    sample_weights,
    segmentation_masks,
    sequences,
    smoothing,
    tables,
    text,
)
from keras_mix._core.leaves.dense import DenseOfUnknownSize
from keras_mix._core.leaves.rule import Passthrough


def _pass(mixer, leaf, grid):
    return Passthrough()


# `bind(mixer, leaf, grid)` returns the rule of a leaf of a kind, where `grid` is the `Grid` of the
# mixer's regions, or None. The columns of a table are bound together, by `tables.bind`.
KINDS = {
    "images": dense.bind,
    "values": dense.bind,
    "labels": labels.bind,
    "class_ids": labels.bind_class_ids,
    "segmentation_masks": segmentation_masks.bind,
    "bounding_boxes": boxes.bind,
    "instance_masks": instance_masks.bind,
    "keypoints": keypoints.bind,
    "sample_weights": sample_weights.bind_later,
    "frame_labels": sequences.bind_frame_labels,
    "lengths": sequences.bind_lengths,
    "masks": sequences.bind_validity_masks,
    "token_ids": sequences.bind_token_ids,
    "texts": text.bind,
    "passthrough": _pass,
}


def bind(mixer, leaves, grid):
    """The rule of each leaf. Refuses leaves that the mixer cannot mix.

    Args:
        mixer: The mixer. The rules are bound to its options.
        leaves: List of `batch.Leaf`.
        grid: The `Grid` of the mixer's regions, or None.
    """
    columns = tables.bind(mixer, leaves) if mixer.mixes_tables else {}
    columns |= missing_values.bind(mixer, leaves, columns) if mixer.mixes_tables else {}
    rules = [
        columns[number] if number in columns else KINDS[leaf.kind](mixer, leaf, grid)
        for number, leaf in enumerate(leaves)
    ]
    return with_context(mixer, leaves, rules, grid)


def with_context(mixer, leaves, rules, grid):
    """Completes the rules that depend on other leaves: label smoothing and sample weights.

    Refuses a label mode that none of them has.
    """
    if mixer.label_mode in ("pairs", "union"):
        labels.refuse_unused_mode(mixer, leaves, rules)
    if mixer.label_smoothing:
        rules = smoothing.bind(mixer, leaves, rules)
    return sample_weights.bind(mixer, leaves, rules, grid) if None in rules else rules


def sized(mixer, leaves, rules, grid):
    """The leaves, guarded by checks of sizes that are known only when the graph runs."""
    if grid is None:
        return leaves
    checked = [] if None not in grid.known else [large_enough(mixer, grid)]
    for leaf, rule in zip(leaves, rules, strict=True):
        if rule.axes is None or isinstance(rule, DenseOfUnknownSize) or leaf is grid.leaf:
            continue
        # A leaf of a sequence has only the first of the axes.
        number = len(rule.axes)
        if None in (*sizes_of(leaf.tensor.shape, rule.axes), *grid.known[:number]):
            compared = grid.leaf, grid.axes[:number]
            checked.append(same_size(mixer.owner, leaf, rule.axes, *compared))
    return behind(checked, leaves) if checked else leaves


def apply(plan, pools, rules):
    """The leaves mixed by a plan, each by its own rule.

    Args:
        plan: A `Plan`, `PerGroup` or `Choice`.
        pools: The `Pool` of each leaf.
        rules: The rule of each leaf.
    """
    return plan.apply(
        lambda each: [
            rule.smooth(rule.mix(each.of(rule.group), pool))
            for pool, rule in zip(pools, rules, strict=True)
        ]
    )
