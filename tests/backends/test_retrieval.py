"""RecallAtK on every backend, against sorting in numpy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix.metrics import RecallAtK, retrieval_recall

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(40, 6)).astype("float32")
SECOND = (FIRST + 1.5 * RNG.normal(size=(40, 6))).astype("float32")
IDS = np.arange(40) // 3


def hits(queries, candidates, ids, k):
    """bool [B]: sorts the candidates of each query, matches last among equals."""
    found = []
    for query, own in zip(queries.astype(float), ids, strict=True):
        near = [
            np.dot(query, c) / np.linalg.norm(c) / np.linalg.norm(query)
            for c in candidates.astype(float)
        ]
        order = sorted(range(len(ids)), key=lambda j: (-round(near[j], 9), ids[j] == own))
        found.append(any(ids[j] == own for j in order[:k]))
    return np.array(found, float)


def expected_recall(first, second, ids, k, direction):
    forth, back = hits(first, second, ids, k), hits(second, first, ids, k)
    return {"both": (forth + back) / 2, "first_to_second": forth, "second_to_first": back}[
        direction
    ]


def stacked(first=FIRST, second=SECOND):
    return np.stack([first, second], axis=1)


@pytest.mark.parametrize("direction", ["both", "first_to_second", "second_to_first"])
@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("ids", [np.arange(40), IDS], ids=["own", "shared"])
def test_recall_is_that_of_sorting(ids, k, direction):
    expected = expected_recall(FIRST, SECOND, ids, k, direction)
    metric = RecallAtK(k, direction=direction)
    metric.update_state(ids, stacked())
    assert float(metric.result()) == pytest.approx(expected.mean())
    assert k == 50 or 0 < expected.mean() < 1
    metric.reset_state()
    weights = np.linspace(0, 1, 40).astype("float32")
    metric.update_state(ids[:, None], (FIRST, SECOND), sample_weight=weights)
    assert float(metric.result()) == pytest.approx((expected * weights).sum() / weights.sum())


def test_batches_are_averaged_each_with_its_own_candidates():
    metric = RecallAtK(2)
    assert float(metric.result()) == 0
    expected = []
    for batch in (slice(0, 16), slice(16, 40)):
        metric.update_state(np.arange(40)[batch], stacked()[batch])
        expected.append(
            expected_recall(FIRST[batch], SECOND[batch], np.arange(40)[batch], 2, "both")
        )
    assert float(metric.result()) == pytest.approx(np.concatenate(expected).mean())


def test_embeddings_that_are_all_alike_score_nothing():
    same = np.tile(np.eye(4, dtype="float32")[:1], (4, 1))
    for k, recall in ((1, 0.0), (3, 0.0), (4, 1.0)):
        metric = RecallAtK(k)
        metric.update_state(np.arange(4), stacked(same, same))
        assert float(metric.result()) == recall


def test_of_packed_targets_the_dominant_source_counts():
    packed = np.array([[[0, 1], [0.3, 0.7]], [[1, 0], [0.6, 0.4]], [[2, 0], [1, 0]]], "float32")
    first = np.eye(3, dtype="float32")
    metric = RecallAtK(1)
    metric.update_state(packed, stacked(first, first[[1, 0, 2]]))
    # Samples 0 and 1 are both "1", so either finds the other.
    assert float(metric.result()) == 1
    plain = RecallAtK(1)
    plain.update_state(np.arange(3), stacked(first, first[[1, 0, 2]]))
    assert float(plain.result()) == pytest.approx(1 / 3)


@pytest.mark.parametrize("block_size", [7, 1024])
@pytest.mark.parametrize("ids", [None, IDS], ids=["own", "shared"])
def test_a_whole_set_in_blocks(ids, block_size):
    found = retrieval_recall(FIRST, SECOND, ids=ids, k=(1, 5), block_size=block_size)
    known = np.arange(40) if ids is None else ids
    for k in (1, 5):
        expected = expected_recall(FIRST, SECOND, known, k, "both").mean()
        assert found[k] == pytest.approx(expected)
    one = retrieval_recall(FIRST, SECOND, ids=ids, k=2, direction="second_to_first")
    assert one == {2: pytest.approx(hits(SECOND, FIRST, known, 2).mean())}


def test_in_a_compiled_model():
    image, text = keras.Input((6,)), keras.Input((6,))
    model = keras.Model([image, text], ops.stack([image, text], axis=1))
    model.compile(
        loss=lambda y_true, y_pred: ops.mean(y_pred), metrics=[RecallAtK(1), RecallAtK(5)]
    )
    ids = np.arange(40)
    found = model.evaluate([FIRST, SECOND], ids, batch_size=20, return_dict=True, verbose=0)
    for k in (1, 5):
        halves = [
            expected_recall(FIRST[half], SECOND[half], ids[half], k, "both").mean()
            for half in (slice(0, 20), slice(20, 40))
        ]
        assert found[f"recall_at_{k}"] == pytest.approx(np.mean(halves))


def test_config_round_trip():
    metric = RecallAtK(7, direction="first_to_second", name="found")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    assert (again.k, again.direction, again.name) == (7, "first_to_second", "found")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: RecallAtK(0), "`k` must be an integer of at least 1"),
        (lambda: RecallAtK(1.5), "`k` must be an integer"),
        (lambda: RecallAtK(1, direction="up"), "`direction` must be one of"),
        (
            lambda: RecallAtK().update_state(np.arange(40), FIRST),
            r"embeddings of two modalities, \(B, 2, D\)",
        ),
        (lambda: RecallAtK().update_state(np.arange(40), (FIRST, SECOND[:, :5])), "the same width"),
        (lambda: RecallAtK().update_state(np.arange(39), stacked()), "one for each pair. Received"),
        (lambda: retrieval_recall(FIRST, SECOND[:4]), "must have the same batch size"),
        (lambda: retrieval_recall(FIRST, SECOND, k=0), "`k` must be"),
        (lambda: retrieval_recall(FIRST, SECOND, block_size=0), "`block_size` must be"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
