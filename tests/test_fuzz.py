"""Random batches: the law holds for every leaf that comes out, or a sentence of ours refuses."""

import re
import time

import numpy as np
import pytest
import structures
import tensorflow as tf
from objects import blocks, shown_keypoints, shown_masks

from keras_mix import layers
from keras_mix.layers import CutMix, MixUp, RandomChoice

pytestmark = pytest.mark.slow

# In seconds, for all mixers together; and the least number of cases for each.
BUDGET, LEAST = 30, 12
FILL = 77.0


def options(case):
    return {"num_classes": max(case.size, 2), "jit_compile": False, "kinds": case.kinds}


MIXERS = {
    "MixUp": MixUp,
    "CutMix 1": lambda **k: CutMix(spatial_dims=1, **k),
    "CutMix 2": CutMix,
    "CutMix 3": lambda **k: CutMix(spatial_dims=3, **k),
    "CutMix, channels first": lambda **k: CutMix(data_format="channels_first", **k),
    "CutMix with soft masks": lambda **k: CutMix(soft_masks=True, **k),
    "CutMix with boxes": lambda **k: CutMix(bounding_boxes="xyxy", **k),
    "RICAP": layers.RICAP,
    "Mosaic": layers.Mosaic,
    "SmoothMix": layers.SmoothMix,
    "Cutout": lambda **k: layers.Cutout(fill_value=FILL, **k),
    "RandomChoice": lambda **k: RandomChoice([MixUp(), CutMix()], **k),
    "TabularMix": layers.TabularMix,
    "SpecMix": layers.SpecMix,
}


def called(layer, case, seed):
    """What a layer makes of a case; a string where a sentence of ours refuses it."""
    try:
        if case.unknown is None:
            return layer(*case.arguments, seed=seed)
        graph = tf.function(
            lambda *batch: layer(*batch, seed=seed),
            input_signature=structures.signature(case),
            autograph=False,
        )
        return graph(*case.arguments)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        text = str(error)
        ours = rf"{layer.owner}|Mixer"
        if isinstance(error, tf.errors.InvalidArgumentError):
            assert case.unknown is not None, text
            assert re.search(rf"assertion failed: \[({ours}): ", text), text
        else:
            assert re.match(rf"({ours}): .*Received: ", text, re.S), text
            assert "Arguments received" not in text
        return text


def check(layer, case, found):
    """The law, for what came out."""
    given, mixed = (
        structure[0] if isinstance(structure, list) and len(case.arguments) == 1 else structure
        for structure in (case.arguments, found)
    )
    labels = mixed["labels"] if isinstance(mixed, dict) else mixed[1]
    weights = np.asarray(labels[structures.PROBE], "float64")[:, : case.size]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    if case.kinds:
        given, mixed = case.arguments, found
        assert_objects(layer, given[1], mixed[1], scene_of(layer, mixed[0]), weights)
    for path, one, other in leaves_of(given, mixed):
        name = path.rpartition("/")[2]
        known = name in (structures.PROBE, structures.SCENE, *structures.OBJECTS)
        if isinstance(one, dict) or known:
            continue
        assert_law(layer, path, np.asarray(one), np.asarray(other), weights)


def scene_of(layer, mixed):
    """float64 (B, H, W, B): how much of each pixel shows each sample; 0 where it is filled."""
    scene = np.asarray(mixed[structures.SCENE], "float64")
    if layer.data_format == "channels_first":
        scene = np.moveaxis(scene, 1, -1)
    return np.where(scene == FILL, 0.0, scene)


def assert_objects(layer, given, mixed, scene, weights):
    """Keypoints and instance masks are where the scene shows them, each once."""
    for name in structures.OBJECTS.keys() & given.keys():
        found = np.asarray(mixed[name])
        objects = np.asarray(given[name], found.dtype)
        count = objects.shape[1]
        assert found.shape[1] == layer.num_sources * count
        for i, seen in enumerate(found if count else ()):
            if layer.moves:
                assert_seen(name, seen, count, scene[i])
                continue
            # Where all pixels are blended alike, nothing is hidden.
            cut = isinstance(layer, layers.SmoothMix) or np.ptp(scene[i], axis=(0, 1)).any()
            if not cut and weights[i, i] == 0:
                continue  # A weight of 1e-8 beside 1 shows in no float32.
            show = shown_masks if name == "objects" else shown_keypoints
            least = layer.box_options.min_visible if cut else 0.0
            right = [
                show(own, scene[i, ..., j] * (weights[i, j] > 0), least)
                for j, own in enumerate(objects)
            ]
            hidden = show(objects[i], np.zeros(scene.shape[1:3]))
            right = [right.pop(i), *right]
            assert blocks(seen, count, hidden) == blocks(np.concatenate(right), count, hidden)


def assert_seen(name, objects, count, scene):
    """What moves with its source and has a number, comes out where the scene shows that source."""
    if name == "flagged":
        points = objects[objects[:, 2] > 0].astype("float64")
        places = [(int(y), int(x), number) for x, y, number in points]
    elif name == "objects" and objects.dtype != bool:
        places = [(y, x, objects[n, y, x]) for n, y, x in np.argwhere(objects)]
    else:
        return
    for y, x, number in places:
        assert scene[y, x, int(number - 1) // count] > 0


def leaves_of(given, mixed, path=""):
    """(path, given, mixed) of every leaf; sets of boxes are one leaf."""
    if isinstance(given, dict):
        if set(given) in ({"boxes", "labels"}, {"boxes", "classes"}):
            assert set(mixed) == set(given), path
            yield path, given, mixed
            return
        assert set(mixed) == set(given), path
        for name in given:
            yield from leaves_of(given[name], mixed[name], f"{path}/{name}")
    elif isinstance(given, list | tuple) and not tf.is_tensor(mixed):
        assert len(given) == len(mixed), path
        for number, pair in enumerate(zip(given, mixed, strict=True)):
            yield from leaves_of(*pair, f"{path}/{number}")
    else:
        yield path, given, mixed


def assert_law(layer, path, given, mixed, weights):
    """Every sample of a leaf is blended by the weights, or cut as they count it."""
    size = len(weights)
    assert mixed.shape[0] == size, path
    if given.dtype.kind in "SU":
        assert (mixed == b"text").all(), path
        return
    if not given.size or not mixed.size or not np.isfinite(given.astype("float64")).all():
        return
    sources = given.astype("float64").reshape(size, -1)[:, 0]
    values = mixed.astype("float64")
    if mixed.shape != given.shape:
        # One-hot labels and soft masks: the mean class of each place.
        sources = np.arange(size)
        values = values @ np.arange(mixed.shape[-1])
    tolerance = 1e-5 if mixed.dtype in (np.float32, np.float64) else 0.02
    for row, shares in zip(values.reshape(size, -1), weights, strict=True):
        mean = shares @ sources
        blended = (np.abs(row - mean) <= tolerance * size).all()
        if layer.erases:
            assert np.isin(row, [mean, FILL]).all(), path
        elif not blended:
            assert layer.grid_rank or layer.mixes_tables, path
            if not isinstance(layer, layers.SmoothMix):
                assert np.isin(row, sources[shares > 0]).all(), path
            if not layer.mixes_tables:
                assert abs(row.mean() - mean) < 1e-3, path


@pytest.mark.parametrize("name", MIXERS)
def test_random_batches(name):
    number = list(MIXERS).index(name)
    end = time.monotonic() + BUDGET / len(MIXERS)
    tried = mixed = 0
    while tried < LEAST or (time.monotonic() < end and tried < 400):
        random = np.random.default_rng([number, tried])
        case = structures.case(random, channels_first="channels first" in name)
        layer = MIXERS[name](**options(case))
        found = called(layer, case, tf.constant([number, tried]))
        if not isinstance(found, str):
            check(layer, case, found)
            mixed += 1
        tried += 1
    assert mixed
