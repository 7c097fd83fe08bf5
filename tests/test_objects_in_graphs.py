"""Keypoints and instance masks of one batch, in graphs and datasets, and in batches without any."""

import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, seed_of
from objects import HEIGHT, WIDTH, in_graphs, instance_masks, keypoints, numbered

KINDS = {"points": "keypoints", "flagged": "keypoints", "objects": "instance_masks"}


def mixer(name):
    row = MIXERS[name]
    return row.make(kinds=KINDS, **row.strong), row.sources


def batch(size, count):
    given = keypoints(max(size, 1), max(count, 1))[:size, :count]
    return {"points": given[..., :2], "flagged": given, "objects": instance_masks(size, count)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["MixUp", "CutMix", "FMix", "RICAP", "ResizeMix", "SmoothMix", "Cutout"]
)
@pytest.mark.parametrize("known", [True, False])
def test_graphs_and_datasets_give_what_an_eager_call_gives(name, known):
    """XLA compiles where the sizes are known."""
    layer, _ = mixer(name)
    x, y = numbered(), batch(len(numbered()), 4)
    _, eager = layer(x, y, seed=seed_of())
    for found in in_graphs(layer, x, y, known):
        np.testing.assert_array_equal(found["objects"], eager["objects"])
        for part in ("points", "flagged"):
            np.testing.assert_allclose(found[part], eager[part], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["MixUp", "CutMix", "RICAP", "Mosaic", "SmoothMix", "Cutout"])
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize(("size", "count"), [(4, 0), (0, 3), (1, 3)])
def test_empty_and_single_batches(name, graph, size, count):
    layer, sources = mixer(name)
    call = tf.function(layer, autograph=False) if graph else layer
    _, found = call(numbered(size), batch(size, count))
    assert found["flagged"].shape == (size, count * sources, 3)
    assert found["points"].shape == (size, count * sources, 2)
    assert found["objects"].shape == (size, count * sources, HEIGHT, WIDTH)
