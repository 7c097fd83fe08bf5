"""Random batches: the law holds for every leaf that comes out, or a sentence of ours refuses."""

import re
import time

import numpy as np
import pytest
import structures
import tensorflow as tf

from keras_mix import layers
from keras_mix.layers import CutMix, MixUp, RandomChoice

# In seconds, for all mixers together; and the least number of cases for each.
BUDGET, LEAST = 45, 12
FILL = 77.0


def options(size):
    return {"num_classes": max(size, 2), "jit_compile": False}


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
    for path, one, other in leaves_of(given, mixed):
        if isinstance(one, dict) or structures.PROBE in path:
            continue
        assert_law(layer, path, np.asarray(one), np.asarray(other), weights)


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
        case = structures.case(random)
        layer = MIXERS[name](**options(case.size))
        found = called(layer, case, tf.constant([number, tried]))
        if not isinstance(found, str):
            check(layer, case, found)
            mixed += 1
        tried += 1
    assert mixed
