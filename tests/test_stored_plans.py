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
from plans_drawn import MADE, STORED_PARTS, tensors_of

pytestmark = pytest.mark.slow

STORED = pathlib.Path(__file__).with_name("stored_plans.npz")
SEEDS = 50


def plans_of(layer):
    """What a layer draws for all seeds: a dict of arrays, whose first axis is that of the seeds."""

    def draw(seed):
        return tensors_of(layer, seed)

    draw = tf.function(draw, autograph=False)
    plans = [draw(tf.constant([seed, 7 * seed - 100])) for seed in range(SEEDS)]
    regions = [plan.pop("region", None) for plan in plans]
    found = {name: np.stack([plan[name].numpy() for plan in plans]) for name in plans[0]}
    if regions[0] is None:
        return found
    if regions[0].dtype.is_floating:
        return found | {"soft": np.stack([region.numpy()[:, ::8, ::8, 1] for region in regions])}
    return found | {"region": np.array([_digest(region) for region in regions], np.uint32)}


def _digest(region):
    return zlib.crc32(region.numpy().astype("uint8").tobytes())


@pytest.mark.parametrize("name", MADE)
def test_a_seed_draws_the_plan_it_always_did(name):
    with np.load(STORED) as stored:
        expected = {
            part: stored[f"{name}/{part}"] for part in STORED_PARTS if f"{name}/{part}" in stored
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
