"""The benchmark's limits and verdicts; its figures are measured by tools/benchmark.py."""

import itertools
import statistics

import numpy as np
import pytest
import tensorflow as tf
from benchmarking import comparison, every_mixer, limits, modalities
from benchmarking.contenders import OURS, Contender

IMAGES = np.arange(3 * 2 * 4 * 1, dtype="float32").reshape(3, 2, 4, 1)


def test_each_limit_moves_what_its_docstring_says():
    own, reverse = IMAGES, IMAGES[::-1]
    sums = IMAGES.sum((1, 2, 3), keepdims=True)
    shown = np.arange(8) < np.array([[0], [97 % 8], [194 % 8]])
    expected = {
        limits.copy: own + 1,
        limits.blend: own,
        limits.copy_and_mask: np.where(shown.reshape(3, 2, 4, 1), own, reverse),
        limits.read_and_copy: own + sums,
        limits.read_and_blend: sums * own + (1 - sums) * reverse,
    }
    for limit, right in expected.items():
        np.testing.assert_allclose(limit(tf.constant(IMAGES)), right)


def test_limits_keep_the_dtypes_of_the_mixers():
    bytes_ = tf.constant(IMAGES.astype("uint8"))
    assert limits.copy(bytes_).dtype == limits.copy_and_mask(bytes_).dtype == tf.uint8
    assert limits.blend(bytes_).dtype == tf.float32


def test_every_mixer_has_a_limit():
    assert set(limits.IMAGES) == set(every_mixer.NAMES)
    assert set(limits.SOUNDS) == set(itertools.chain.from_iterable(modalities.SOUNDS.values()))


@pytest.mark.parametrize(("aim", "verdict"), [(0.4, "ok"), (0.6, "below"), (None, "")])
def test_a_share_of_the_limit_below_its_aim_is_missed(aim, verdict):
    limit = limits.Limit(limits.copy, aim)
    found = [Contender("CutMix", OURS, None), Contender("CutMix", limit.library, None)]
    own, least = [2.0, 2.0, 4.0, 4.0], [1.0, 1.0, 2.0, 1.0]
    rows = comparison.rows_of("CutMix", 8, found, [own, least], limits.aims({"CutMix": limit}))
    assert [row["library"] for row in rows] == [OURS, "limit: copy"]
    assert rows[0]["samples_per_second"] == 8 / statistics.median(own)
    assert (rows[1]["ratio"], rows[1]["verdict"]) == (0.5, verdict)
    assert bool(comparison.below([{**group(), "rows": rows}])) == (verdict == "below")


def group():
    return {"batch": 8, "side": 4, "dtype": "float32", "classes": 2}
