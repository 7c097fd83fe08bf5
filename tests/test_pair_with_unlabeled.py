"""Two datasets, one of them labeled, as one for `fit`."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix.data import pair_with_unlabeled


def of(*arrays, batch=2):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(batch)


def numbers(count, start=0.0):
    return np.arange(count, dtype="float32")[:, None] + start


def read(pairs):
    """The labeled, the labels and the unlabeled of all batches, as lists."""
    return [
        (inputs["labeled"][:, 0].tolist(), labels.tolist(), inputs["unlabeled"][:, 0].tolist())
        for inputs, labels in pairs.as_numpy_iterator()
    ]


def test_the_shorter_repeats_whichever_it_is():
    few, many = of(numbers(3), np.arange(3)), of(numbers(5, 10.0))
    first, second = ([0, 1], [0, 1]), ([2], [2])
    expected = [(*first, [10, 11]), (*second, [12, 13]), (*first, [14])]
    pairs = pair_with_unlabeled(few, many)
    assert read(pairs) == read(pairs) == expected
    assert len(pairs) == 3
    more = pair_with_unlabeled(of(numbers(5), np.arange(5)), of(numbers(3, 10.0)))
    assert [unlabeled for *_, unlabeled in read(more)] == [[10, 11], [12], [10, 11]]


def test_a_dataset_without_an_end_lasts_as_long_as_the_other():
    few, many = of(numbers(2), np.arange(2)), of(numbers(6))
    assert len(pair_with_unlabeled(few.repeat(), many)) == 3
    assert len(pair_with_unlabeled(few, many.repeat())) == 1
    endless = pair_with_unlabeled(few.repeat(), many.repeat())
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    filtered = of(numbers(4), np.arange(4)).filter(lambda x, y: True)
    unlabeled = [each for *_, each in read(pair_with_unlabeled(filtered, many.repeat()).take(9))]
    assert unlabeled == [[0, 1], [2, 3]]
    unknown = many.filter(lambda x: tf.reduce_min(x) > 1)
    assert [unlabeled for *_, unlabeled in read(pair_with_unlabeled(few, unknown))] == [
        [2, 3],
        [4, 5],
    ]


def test_each_repetition_is_shuffled_anew_by_the_datasets_own_seed():
    few = tf.data.Dataset.from_tensor_slices((numbers(8), np.arange(8))).shuffle(8, seed=1)
    pairs = pair_with_unlabeled(few.batch(8), of(numbers(16), batch=4))
    orders = [labels for _, labels, _ in read(pairs)]
    assert len(orders) == 4
    assert all(sorted(each) == list(range(8)) for each in orders)
    assert len(set(map(tuple, orders))) > 1


def test_structures_and_sample_weights_are_kept():
    x = {"image": numbers(2), "sound": numbers(2)}
    weights = np.array([1.0, 2.0], "float32")
    pairs = pair_with_unlabeled(of(x, np.arange(2), weights), of((x,)))
    inputs, _, found = next(pairs.as_numpy_iterator())
    assert set(inputs) == {"labeled", "unlabeled"}
    assert set(inputs["unlabeled"]) == {"image", "sound"}
    np.testing.assert_array_equal(found, weights)


FEW, MANY = of(numbers(2), np.arange(2)), of(numbers(2))


@pytest.mark.parametrize(
    ("labeled", "unlabeled", "sentence"),
    [
        (FEW, FEW, r"`unlabeled` must have no labels, .*unlabeled.map\(lambda x, y: x\)"),
        (MANY, MANY, r"`labeled` must yield \(x, y\) or \(x, y, sample_weight\)"),
        (FEW, numbers(2), "`unlabeled` must be a tf.data.Dataset. Received: a ndarray"),
        (FEW, MANY.unbatch().map(lambda x: x[0]), "`unlabeled` must be batched"),
        (FEW, MANY.take(0), "`unlabeled` must have at least one batch"),
        (FEW.take(0), MANY, "`labeled` must have at least one batch"),
        (FEW, of(np.zeros((2, 3), "float32")), "must have the same structure, dtype and shape"),
        (FEW, of(np.zeros((2, 1), "uint8")), "must have the same structure, dtype and shape"),
        (FEW, of({"image": numbers(2)}), "must have the same structure, dtype and shape"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(labeled, unlabeled, sentence):
    with pytest.raises(ValueError, match=f"data.pair_with_unlabeled: .*{sentence}") as caught:
        pair_with_unlabeled(labeled, unlabeled)
    assert "\n" not in str(caught.value)
