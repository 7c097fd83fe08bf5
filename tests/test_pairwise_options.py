"""Every pair of values of the options that mixers share, against loops over samples and pixels.

The sources of a pixel are read from the mixed images, whose channels tell the samples apart: in
sample i channel i is 1 and all others are 0. All else is counted from there. A pair of values is
mixed by the law, or refused for the reason that `refusal` gives.
"""

from typing import NamedTuple

import covering
import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of
from objects import blocks, instance_masks, keypoints, shown_keypoints, shown_masks

from keras_mix.label_rules import Remix
from keras_mix.layers import (
    RICAP,
    BoundingBoxOptions,
    CrossModalMix,
    CutMix,
    Cutout,
    MixUp,
    RandomApply,
    RandomChoice,
    SmoothMix,
)
from keras_mix.models import MixingModel
from keras_mix.pairings import ByClass, ByLabel

pytestmark = pytest.mark.slow

B, CLASSES, GRID = 6, 4, (8, 10)
# The number of keypoints, and of instance masks, of each sample.
OBJECTS = 3
COUNTS, KAPPA, TAU = (900.0, 300.0, 90.0, 10.0), 2.0, 0.6
SMOOTHING, MIN_VISIBLE = 0.25, 0.3

FACTORS = {
    "mixer": [
        "MixUp",
        "MixUp of three",
        "CutMix",
        "SmoothMix",
        "RICAP",
        "Cutout",
        "RandomChoice",
        "RandomChoice of pastes",
        "RandomApply",
        "nested",
        "CrossModalMix",
    ],
    "labels": ["ids", "one_hot", "pairs", "values", "union"],
    "rule": [None, "Remix"],
    "smoothing": [0.0, SMOOTHING],
    "per": ["sample", "batch"],
    "rate": [1.0, 0.6],
    "pairing": ["shuffle", "derange", "reverse", "roll", "different", "same", "by label"],
    "padding": [None, "lengths", "masks"],
    "boxes": [None, "xyxy", "rel_xywh"],
    "masks": [None, "hard", "soft"],
    "keypoints": [None, "points", "flagged points"],
    "objects": [None, "uint8 objects", "bool objects"],
    "data_format": ["channels_last", "channels_first"],
    "partners": ["own", "second"],
    "weights": [False, True],
}
PAIRINGS = {
    "different": ByClass("different"),
    "same": ByClass("same"),
    "by label": ByLabel(),
}
OF_SEVERAL = {"RICAP", "MixUp of three"}
BLENDING = {"MixUp", "MixUp of three", "SmoothMix", "RandomChoice", "nested"}


def refusal(case):
    """The sentence by which a case, of all or of some factors, is refused; None if it is mixed."""
    mixer = case.get("mixer")
    if case.get("labels") == "values" and case.get("smoothing"):
        return '`label_smoothing` needs labels, but label_mode="values" treats targets as numbers'
    if case.get("labels") == "values" and case.get("rule"):
        return "`label_rule` sets the weights of labels, so a target must be a label"
    if case.get("labels") == "pairs" and case.get("smoothing"):
        return "`label_smoothing` cannot be packed"
    if mixer == "Cutout":
        if case.get("pairing", "shuffle") != "shuffle":
            return "Cutout: `pairing` has no effect"
        if case.get("rule"):
            return "Cutout: `label_rule` has no effect"
        if case.get("labels") == "union":
            return "Cutout: `label_mode` has no effect"
        if case.get("partners") == "second":
            return "Cutout: `partners` has no effect"
    if mixer in BLENDING and case.get("masks") == "hard":
        return "`y/seg` holds class ids of pixels, which cannot be blended"
    if mixer in OF_SEVERAL and case.get("rule"):
        return "Remix: the plan must have two sources"
    if mixer == "RICAP" and case.get("padding"):
        return "cannot follow moved or resized sources"
    return None


def left_out(case):
    """What moves with its source is checked in `test_boxes.py` and the like, pixel by pixel."""
    moving = ("boxes", "keypoints", "objects")
    if case.get("mixer") == "CrossModalMix" and case.get("padding"):
        # Checked in `test_cross_modal_mix.py`, time step by time step.
        return True
    return case.get("mixer") == "RICAP" and any(case.get(name) for name in moving)


def is_mixed(case):
    return not left_out(case) and refusal(case) is None


MIXED = covering.cases(FACTORS, is_mixed)
USUAL = {name: values[0] for name, values in FACTORS.items()} | {"mixer": "CutMix"}
REFUSED = [
    {**USUAL, **pair} for pair in covering.pairs(FACTORS) if not left_out(pair) and refusal(pair)
]


class Samples(NamedTuple):
    """Two batches of B samples, one behind the other, as arrays of 2 B.

    Attributes:
        ids: int, the classes.
        real: bool [2 B, height], the rows that are no padding.
        boxes: int [2 B, 2, 4], left, top, right, bottom.
        keypoints: float32 [2 B, OBJECTS, 3].
        objects: uint8 [2 B, OBJECTS, height, width].
        weights: float, the samples' weights.
    """

    ids: np.ndarray
    real: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    objects: np.ndarray
    weights: np.ndarray


def samples(padding):
    random = np.random.default_rng(7)
    real = np.ones((2 * B, GRID[0]), bool)
    if padding == "lengths":
        real = np.arange(GRID[0]) < random.integers(2, GRID[0] + 1, (2 * B, 1))
    elif padding == "masks":
        real = random.random((2 * B, GRID[0])) < 0.7
        real[:, 3] = True
    left, top = random.integers(0, 5, (2, 2 * B, 2))
    boxes = np.stack([left, top, left + 4, top + 4], axis=-1)
    boxes[:, 1] += [1, 0, 1, 0]
    return Samples(
        ids=np.arange(2 * B) % CLASSES,
        real=real,
        boxes=boxes,
        keypoints=keypoints(2 * B, OBJECTS, grid=GRID),
        objects=instance_masks(2 * B, OBJECTS, grid=GRID),
        weights=np.linspace(1, 2, 2 * B),
    )


PADDING = {"lengths": {"length": "lengths"}, "masks": {"mask": "masks"}}


def least_visible(case):
    """`min_visible`, which is set where it has an effect; else its default."""
    hides = case["mixer"] not in ("MixUp", "MixUp of three")
    return MIN_VISIBLE if hides and (case["boxes"] or case["objects"]) else 0.1


def layer_of(case):
    """The layer that a case asks for."""
    pairing = PAIRINGS.get(case["pairing"], case["pairing"])
    drawn = {"per": case["per"], "pairing": pairing}
    options = {
        "label_mode": case["labels"] if case["labels"] in ("pairs", "values", "union") else "auto",
        "label_rule": case["rule"] and Remix(COUNTS, kappa=KAPPA, tau=TAU),
        "label_smoothing": case["smoothing"],
        "per": case["per"],
        "rate": case["rate"],
        "kinds": {
            **PADDING.get(case["padding"], {}),
            **({"seg": "segmentation_masks"} if case["masks"] else {}),
            **({"keypoints": "keypoints"} if case["keypoints"] else {}),
            **({"objects": "instance_masks"} if case["objects"] else {}),
        },
        "soft_masks": case["masks"] == "soft",
        "data_format": case["data_format"],
        "num_classes": {},
    }
    if case["labels"] == "ids":
        options["num_classes"]["label"] = CLASSES
    if case["masks"] == "soft":
        options["num_classes"]["seg"] = CLASSES
    if case["boxes"] or least_visible(case) == MIN_VISIBLE:
        visible = {"min_visible": MIN_VISIBLE} if least_visible(case) == MIN_VISIBLE else {}
        options["bounding_boxes"] = BoundingBoxOptions(case["boxes"], **visible)
    plain = {"MixUp": MixUp, "CutMix": CutMix, "RICAP": RICAP}
    if case["mixer"] in plain:
        return plain[case["mixer"]](alpha=2.0, pairing=pairing, **options)
    if case["mixer"] == "MixUp of three":
        return MixUp(alpha=(2.0, 1.0), sources=3, keep_major=True, pairing=pairing, **options)
    if case["mixer"] == "SmoothMix":
        return SmoothMix(pairing=pairing, **options)
    if case["mixer"] == "Cutout":
        return Cutout(pairing=pairing, **options)
    cutmix, mixup = CutMix(2.0, **drawn), MixUp(2.0, **drawn)
    if case["mixer"] == "RandomChoice":
        return RandomChoice([mixup, cutmix], **options)
    if case["mixer"] == "RandomChoice of pastes":
        return RandomChoice([Cutout(per=case["per"]), cutmix], **options)
    if case["mixer"] == "RandomApply":
        return RandomApply(cutmix, **options)
    if case["mixer"] == "nested":
        return RandomApply(RandomChoice([RandomChoice([cutmix, mixup]), cutmix]), **options)
    names = {"seg": "masks", "boxes": "boxes", "keypoints": "keypoints", "objects": "objects"}
    followers = [name for name, factor in names.items() if case[factor]]
    cuts = {"image": CutMix(data_format=case["data_format"]), **dict.fromkeys(followers, "image")}
    return CrossModalMix(2.0, cuts=cuts, pairing=pairing, **options)


def batch_of(case, given, part):
    """The batch of the samples in a slice: (x, y), or (x, y, weights)."""
    channels = 2 * B if case["partners"] == "second" else B
    rows = np.eye(channels, dtype="float32")[np.arange(2 * B)[part]]
    images = np.tile(rows[:, None, None], (1, *GRID, 1))
    first = case["data_format"] == "channels_first"
    x = {"image": images.transpose(0, 3, 1, 2) if first else images, "meta": rows}
    if case["padding"] == "lengths":
        x["length"] = given.real[part].sum(axis=1).astype("int32")
    elif case["padding"] == "masks":
        x["mask"] = given.real[part]
    ids = given.ids[part]
    one_hot = np.eye(CLASSES, dtype="float32")[ids]
    y = {"label": one_hot if case["labels"] in ("one_hot", "union") else ids}
    if case["labels"] == "values":
        y["label"] = ids.astype("float32")
    if case["masks"]:
        y["seg"] = np.tile(ids[:, None, None], (1, *GRID))
    if case["boxes"]:
        boxes = np.array([[formatted(case, box) for box in row] for row in given.boxes[part]])
        y["boxes"] = {"boxes": boxes.astype("float32"), "labels": names_of_boxes()[part]}
    y |= {name: values[part] for name, values in objects_of(case, given).items()}
    return (x, y, given.weights[part].astype("float32")) if case["weights"] else (x, y)


def objects_of(case, given):
    """The keypoints and instance masks of all samples, by the name of their target."""
    found = {}
    if case["keypoints"]:
        found["keypoints"] = given.keypoints[..., : 2 if case["keypoints"] == "points" else 3]
    if case["objects"]:
        found["objects"] = given.objects.astype(case["objects"].split()[0])
    return found


def names_of_boxes():
    return np.arange(4 * B).reshape(2 * B, 2)


def formatted(case, box):
    """A box in the format of the case."""
    left, top, right, bottom = box
    if case["boxes"] == "xyxy":
        return [left, top, right, bottom]
    height, width = GRID
    return [left / width, top / height, (right - left) / width, (bottom - top) / height]


class Found(NamedTuple):
    """What a mixed image tells.

    Attributes:
        shares: float64 [height, width, 2 B], how much of each source every pixel is.
        weights: float64 [2 B], the law's.
        blended: Whether all pixels are blended alike.
        filled: bool [height, width].
        own: The sample's own number.
    """

    shares: np.ndarray
    weights: np.ndarray
    blended: bool
    filled: np.ndarray
    own: int


def read(case, image, own, given):
    if case["data_format"] == "channels_first":
        image = image.transpose(1, 2, 0)
    shares = np.zeros((*GRID, 2 * B))
    shares[..., : image.shape[-1]] = image
    filled = shares.sum(axis=-1) == 0
    blended = np.ptp(shares, axis=(0, 1)).max() == 0
    weights = np.zeros(2 * B)
    if filled.any():
        weights[own] = 1.0
    elif blended:
        weights[:] = shares[0, 0]
    else:
        for row, column in np.ndindex(*GRID):
            weights += shares[row, column] * given.real[:, row]
        weights /= weights.sum()
    return Found(shares, weights, blended, filled, own)


def relabelled(case, found, given):
    """The weights of labels: the law's, or Remix's formula."""
    weights = found.weights.copy()
    partners = [s for s in np.flatnonzero(weights) if s != found.own]
    if case["rule"] is None or not partners:
        return weights
    (partner,) = partners
    n_own, n_other = (COUNTS[given.ids[s]] for s in (found.own, partner))
    share = weights[found.own]
    if n_own >= KAPPA * n_other and share < TAU:
        share = 0.0
    elif KAPPA * n_own <= n_other and 1 - share < TAU:
        share = 1.0
    weights[found.own], weights[partner] = share, 1 - share
    return weights


def expected_label(case, weights, given):
    if case["labels"] == "values":
        return sum(w * given.ids[s] for s, w in enumerate(weights))
    label = np.zeros(CLASSES)
    for s, w in enumerate(weights):
        if case["labels"] == "union":
            label[given.ids[s]] = max(label[given.ids[s]], w > 0)
        else:
            label[given.ids[s]] += w
    return smoothed(case, label)


def smoothed(case, shares):
    """Shares of classes, some of which is spread evenly."""
    return shares * (1 - case["smoothing"]) + case["smoothing"] / CLASSES


def seen_label(case, label):
    """The label as it came out; packed ones as weights of classes."""
    if case["labels"] != "pairs":
        return label
    total = np.zeros(CLASSES)
    for number, weight in label.T:
        total[int(number)] += weight
    return total


def expected_mask(case, found, given):
    """float [height, width, CLASSES], the classes' shares of each pixel."""
    mask = np.zeros((*GRID, CLASSES))
    for row, column in np.ndindex(*GRID):
        if found.filled[row, column]:
            mask[row, column, given.ids[found.own]] = 1
        for s, share in enumerate(found.shares[row, column]):
            mask[row, column, given.ids[s]] += share
    return mask


def expected_boxes(case, found, given):
    """{name: box} of those that are seen."""
    boxes = {}
    for source in np.flatnonzero(found.shares.sum(axis=(0, 1))):
        for name, box in zip(names_of_boxes()[source], given.boxes[source], strict=True):
            left, top, right, bottom = box
            seen = found.shares[top:bottom, left:right, source]
            visible = 1.0 if found.blended else seen.mean()
            if visible < MIN_VISIBLE:
                continue
            rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
            inside = left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1
            boxes[name] = formatted(case, inside)
    return boxes


def assert_objects(case, mixed, given, found):
    """Keypoints or instance masks: those of the sample itself, then those of its partners.

    Args:
        case: The case.
        mixed: [S · OBJECTS, ...], those of the mixed sample.
        given: [2 B, OBJECTS, ...].
        found: What the mixed image tells.
    """
    show = shown_keypoints if mixed.ndim == 2 else shown_masks
    least = 0.0 if found.blended else least_visible(case)
    # Once, also those of a sample that was drawn as several partners.
    shown = [
        show(given[source], found.shares[..., source] * (weight > 0), least)
        for source, weight in enumerate(found.weights)
    ]
    right = np.concatenate([shown.pop(found.own), *shown])
    hidden = show(given[0], np.zeros(GRID))
    assert blocks(mixed, OBJECTS, hidden) == blocks(right, OBJECTS, hidden)


def expected_real(found, given):
    """bool [height], the rows that are real to a source that is seen there."""
    if found.filled.any():
        return given.real[found.own]
    real = np.zeros(GRID[0], bool)
    for row in range(GRID[0]):
        for source in np.flatnonzero(found.shares[row].sum(axis=0)):
            real[row] |= given.real[source, row]
    return real


def assert_partners(case, found, given):
    for source in np.flatnonzero(found.shares.sum(axis=(0, 1))):
        if source == found.own:
            continue
        assert (source >= B) == (case["partners"] == "second")
        same = given.ids[source] == given.ids[found.own]
        if case["pairing"] in ("same", "different"):
            assert same == (case["pairing"] == "same")
        if case["pairing"] == "reverse" and case["mixer"] not in OF_SEVERAL:
            assert source % B == B - 1 - found.own


def described(case):
    """The values that are not the usual ones."""
    return ",".join(str(value) for name, value in case.items() if value != USUAL[name])


def mixed(case, given):
    second = batch_of(case, given, slice(B, 2 * B)) if case["partners"] == "second" else None
    batch = batch_of(case, given, slice(B))
    results = layer_of(case)(batch, seed=seed_of((3, 4)), partners=second)
    return tf.nest.map_structure(np.asarray, results)


@pytest.mark.parametrize("case", REFUSED, ids=described)
def test_a_pair_in_conflict_is_refused(case):
    with pytest.raises(ValueError, match=refusal(case)):
        mixed(case, samples(case["padding"]))


@pytest.mark.parametrize("case", MIXED, ids=described)
def test_a_combination_is_mixed_by_the_law(case):
    given = samples(case["padding"])
    x, y, *weights = mixed(case, given)
    all_found = [read(case, x["image"][i], i, given) for i in range(B)]
    for i, found in enumerate(all_found):
        assert_partners(case, found, given)
        channels = x["meta"].shape[1]
        np.testing.assert_allclose(x["meta"][i], found.weights[:channels], atol=2e-6)
        of_labels = relabelled(case, found, given)
        label = seen_label(case, y["label"][i])
        np.testing.assert_allclose(label, expected_label(case, of_labels, given), atol=2e-6)
        if weights:
            np.testing.assert_allclose(weights[0][i], of_labels @ given.weights, rtol=2e-6)
        if case["padding"] == "lengths":
            assert x["length"][i] == 1 + np.flatnonzero(expected_real(found, given)).max()
        if case["padding"] == "masks":
            np.testing.assert_array_equal(x["mask"][i], expected_real(found, given))
        if case["masks"]:
            seen = y["seg"][i] if case["masks"] == "soft" else np.eye(CLASSES)[y["seg"][i]]
            expected = expected_mask(case, found, given)
            if case["masks"] == "soft":
                expected = smoothed(case, expected)
            np.testing.assert_allclose(seen, expected, atol=2e-6)
        if case["boxes"]:
            boxes, names = y["boxes"]["boxes"][i], y["boxes"]["labels"][i]
            assert np.unique(names[names != -1], return_counts=True)[1].max(initial=1) == 1
            boxes = {name: box for box, name in zip(boxes, names, strict=True) if name != -1}
            expected = expected_boxes(case, found, given)
            assert boxes.keys() == expected.keys()
            for name, box in expected.items():
                np.testing.assert_allclose(boxes[name], box, atol=1e-5)
        for name, values in objects_of(case, given).items():
            assert_objects(case, y[name][i], values, found)
    if case["per"] == "batch" and case["mixer"] in ("MixUp", "RandomApply", "CutMix"):
        own = [found.shares[..., found.own].mean() for found in all_found]
        assert len({round(share, 5) for share in own if share < 1}) <= 1


@pytest.mark.parametrize("mixer", FACTORS["mixer"])
def test_a_model_refuses_the_keypoints_of_every_mixer(mixer):
    layer = layer_of({**USUAL, "mixer": mixer, "labels": "one_hot", "keypoints": "points"})
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="keypoints can only be mixed in the dataset"):
        MixingModel(model, mixer=layer)


def test_every_pair_occurs():
    assert len(MIXED) < 100
    for pair in covering.pairs(FACTORS):
        cases = MIXED if is_mixed(pair) else REFUSED
        assert left_out(pair) or any(pair.items() <= case.items() for case in cases)
