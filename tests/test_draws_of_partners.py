"""Partners: each pairing draws them as often as it says, from the right batch."""

from functools import partial

import numpy as np
import pytest
from distributions import UNLIKELY, for_seeds, seed_of
from scipy import stats

from keras_mix._core.draw import random

pytestmark = pytest.mark.slow

PAIRINGS = ["shuffle", "derange", "reverse", "roll"]


def pair(seed, pairing, size, donors=None, has_second_batch=False):
    return random.partners(seed, pairing, size, donors or size, has_second_batch)


@pytest.mark.parametrize("size", [3, 4, 7])
@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_partners_are_equally_likely(pairing, size):
    partners = for_seeds(partial(pair, pairing=pairing, size=size), 4000)
    for i, column in enumerate(partners.T):
        counts = np.bincount(column, minlength=size)
        allowed = [j for j in range(size) if j != i or pairing == "shuffle"]
        assert counts.sum() == counts[allowed].sum()
        assert stats.chisquare(counts[allowed]).pvalue > UNLIKELY / size


@pytest.mark.parametrize(("pairing", "possible"), [("shuffle", 24), ("derange", 6)])
def test_permutations_are_equally_likely(pairing, possible):
    # Of 4 samples there are 4! permutations, and 3! cycles through all.
    partners = for_seeds(partial(pair, pairing=pairing, size=4), 4000)
    _, counts = np.unique(partners, axis=0, return_counts=True)
    assert len(counts) == possible
    assert stats.chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("size", range(1, 10))
def test_derange_pairs_nobody_with_itself(size):
    partners = for_seeds(partial(pair, pairing="derange", size=size), 200)
    assert (np.sort(partners, axis=1) == np.arange(size)).all()
    assert size == 1 or (partners != np.arange(size)).all()


@pytest.mark.parametrize(
    ("pairing", "expected"), [("reverse", [4, 3, 2, 1, 0]), ("roll", [1, 2, 3, 4, 0])]
)
def test_fixed_pairings(pairing, expected):
    assert pair(seed_of(1, 2), pairing, 5).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [
        ("reverse", [[4, 3, 2, 1, 0], [3, 2, 1, 0, 4], [2, 1, 0, 4, 3]]),
        ("roll", [[1, 2, 3, 4, 0], [2, 3, 4, 0, 1], [3, 4, 0, 1, 2]]),
    ],
)
def test_fixed_pairings_go_one_sample_further_for_each_partner(pairing, expected):
    found = [random.partners(seed_of(1, 2), pairing, 5, 5, False, n) for n in (1, 2, 3)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("pairing", ["reverse", "roll"])
def test_further_partners_of_few_donors_are_all_in_their_batch(pairing):
    found = [random.partners(seed_of(1, 2), pairing, 5, 2, True, n) for n in (1, 2, 3)]
    assert set(np.ravel(found)) == {0, 1}


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(("size", "donors"), [(5, 3), (3, 5), (4, 4), (1, 1), (3, 1)])
def test_donors_of_another_batch_are_all_in_it(pairing, size, donors):
    partners = for_seeds(
        partial(pair, pairing=pairing, size=size, donors=donors, has_second_batch=True), 20
    )
    assert partners.shape == (20, size)
    assert ((partners >= 0) & (partners < donors)).all()
    # Nobody is taken twice before all others have been taken once.
    counts = [np.bincount(row, minlength=donors) for row in partners]
    assert np.ptp(counts, axis=1).max() <= 1


@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_donors_of_another_batch_are_equally_likely(pairing):
    draw = partial(pair, pairing=pairing, size=3, donors=5, has_second_batch=True)
    for column in for_seeds(draw, 2000).T:
        assert stats.chisquare(np.bincount(column, minlength=5)).pvalue > UNLIKELY
