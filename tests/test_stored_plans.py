"""Plans are those of earlier versions: a seed in a paper or a checkpoint keeps its meaning.

`python tests/test_stored_plans.py` writes the stored plans anew. Do so only for a change of draws
that CHANGELOG.md names.
"""

import pathlib
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, sampled

from keras_mix import layers

pytestmark = pytest.mark.slow

STORED = pathlib.Path(__file__).with_name("stored_plans.npz")
SIZE, GRID, SEEDS = 5, (33, 47), 50
GRIDS = {1: (61,), 2: GRID, 3: (5, 9, 11)}
OTHERS = {
    "CutMix along time": layers.CutMix(spatial_dims=1),
    "CutMix of volumes": layers.CutMix(spatial_dims=3),
    "FMix along time": layers.FMix(spatial_dims=1),
    "FMix of volumes": layers.FMix(spatial_dims=3),
    "FMix of the authors' code": layers.FMix(spectrum="code"),
    "FMix with soft edges": layers.FMix(max_soft=0.1),
    "CowMix on a torus": layers.CowMix(wrap=True),
    "Cutout of three squares": layers.Cutout(count=3, size=0.3),
    "MixUp of three sources": layers.MixUp(sources=3),
    "SaliencyMix by the spectral residual": layers.SaliencyMix(detector="spectral_residual"),
    "GridMix of unequal cells": layers.GridMix(cells=(3, 5)),
}
MADE = {
    **{name: row.make() for name, row in MIXERS.items()},
    **{f"{name}, strong": row.make(**row.strong) for name, row in MIXERS.items()},
    **{f"{name}, per batch": row.make(per="batch") for name, row in MIXERS.items()},
    **OTHERS,
}


def plans_of(layer):
    """What a layer draws for all seeds: a dict of arrays, whose first axis is that of the seeds."""

    def draw(seed):
        return _parts(sampled(layer, SIZE, GRIDS[layer.grid_rank or 2], seed))

    draw = tf.function(draw, autograph=False)
    plans = [draw(tf.constant([seed, 7 * seed - 100])) for seed in range(SEEDS)]
    regions = [plan.pop("region", None) for plan in plans]
    found = {name: np.stack([plan[name].numpy() for plan in plans]) for name in plans[0]}
    if regions[0] is None:
        return found
    if regions[0].dtype.is_floating:
        return found | {"soft": np.stack([region.numpy()[:, ::8, ::8, 1] for region in regions])}
    return found | {"region": np.array([_digest(region) for region in regions], np.uint32)}


def _parts(plan):
    parts = {"sources": tf.cast(plan.sources, tf.uint8), "weights": plan.weights}
    if plan.region is not None:
        parts["region"] = plan.region.dense()
    for name, part in (("placement", plan.placement), ("combine", plan.combine)):
        parts |= {f"{name}{n}": each for n, each in enumerate(_tensors(part))}
    return parts


def _tensors(part):
    return [each for each in tf.nest.flatten(part) if tf.is_tensor(each)]


def _digest(region):
    return zlib.crc32(region.numpy().astype("uint8").tobytes())


@pytest.mark.parametrize("name", MADE)
def test_a_seed_draws_the_plan_it_always_did(name):
    with np.load(STORED) as stored:
        expected = {
            part: stored[f"{name}/{part}"]
            for part in ("sources", "weights", "region", "soft", "placement0", "combine0")
            if f"{name}/{part}" in stored
        }
    found = plans_of(MADE[name])
    assert found.keys() == expected.keys()
    for part, values in expected.items():
        # Processors compute the quantiles of λ, and the exponentials of a spot, alike but for the
        # last bit.
        tolerance = 1e-6 if values.dtype.kind == "f" else 0
        np.testing.assert_allclose(found[part], values, rtol=0, atol=tolerance, err_msg=part)


if __name__ == "__main__":
    arrays = {
        f"{name}/{part}": values
        for name, layer in MADE.items()
        for part, values in plans_of(layer).items()
    }
    np.savez_compressed(STORED, **arrays)
    sys.exit(f"{STORED.stat().st_size:,} bytes")
