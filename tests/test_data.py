"""Seeded datasets: repeatable whatever the parallelism, new each epoch, resumable."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from streams import assert_resumes, assert_the_global_seed_does_not_count, drained

from keras_mix import data
from keras_mix.data import _checkpoints as checkpoints
from keras_mix.layers import CutMix, MixUp

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).random((50, 6, 5, 3), "float32")
IDS = np.arange(50) % 4
MIXERS = [MixUp(alpha=1.0, num_classes=4), CutMix(alpha=1.0, num_classes=4, rate=0.7)]
# Not compiled, where only the draws count.
PLAIN = MixUp(alpha=1.0, num_classes=4, jit_compile=False)


def source():
    return tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).shuffle(50, seed=3).batch(7)


@pytest.mark.parametrize("layer", MIXERS)
def test_two_runs_are_equal_bit_for_bit_whatever_the_parallelism(layer):
    runs = [
        [drained(dataset) for _ in range(3)]
        for dataset in (
            data.mix(source(), layer, seed=5, num_parallel_calls=1),
            data.mix(source(), layer, seed=5, num_parallel_calls=8),
            source().apply(data.mixed(layer, seed=5, num_parallel_calls=None)),
        )
    ]
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("layer", MIXERS)
def test_every_epoch_and_every_seed_differ(layer):
    # The source is the same in every epoch, so only the mixing can differ.
    fixed = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(10)
    dataset = data.mix(fixed, layer, seed=5)
    epochs = [drained(dataset), drained(dataset), drained(data.mix(fixed, layer, seed=6))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert all(a != b for a, b in zip(epochs[one], epochs[other], strict=True))


def test_repeating_after_mixing_is_iterating_again():
    fixed = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(7)
    dataset = data.mix(fixed, MIXERS[0], seed=5)
    repeated = drained(data.mix(fixed, MIXERS[0], seed=5).repeat(2))
    assert repeated == drained(dataset) + drained(dataset)


@pytest.mark.parametrize("layer", MIXERS)
@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
def test_a_checkpoint_resumes_in_mid_epoch_with_the_same_batches(layer, before, after, tmp_path):
    def stream():
        mixed = data.mix(
            source().repeat(before), layer, seed=5, num_parallel_calls=4, resumable=True
        )
        return iter(mixed.repeat(after).prefetch(2))

    assert_resumes(stream, 11, tmp_path)


@pytest.mark.parametrize("steps", [3, 6, 8, 13, 15])
@pytest.mark.parametrize("options", [{}, {"partners": True}], ids=["alone", "partners"])
def test_without_a_shuffle_every_checkpoint_resumes(steps, options, tmp_path):
    fixed = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(7)
    given = {name: fixed.skip(2) for name in options}

    def stream():
        return iter(data.mix(fixed, PLAIN, seed=5, **given).repeat(3).prefetch(2))

    # The parallel map reads ahead of the consumer, in the last steps to the end of the epoch.
    assert_resumes(stream, steps, tmp_path, begun=2)


@pytest.mark.parametrize("step", [2, 10])
def test_a_shuffled_epoch_resumes_at_no_cost(step, tmp_path):
    def stream():
        shuffled = source().repeat(4)
        return iter(data.mix(shuffled, PLAIN, seed=5, num_parallel_calls=1))

    assert_resumes(stream, step, tmp_path, symbolic=False)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda d: d.batch(2).repeat().prefetch(1), True),
        (lambda d: tf.data.Dataset.zip(d, d.skip(1)).map(_same, num_parallel_calls=2), True),
        (lambda d: d.shuffle(4).batch(2).map(_same).prefetch(1), False),
        (lambda d: tf.data.Dataset.zip(d, d.shuffle(2)), False),
        (lambda d: d.cache().batch(2), False),
        (lambda d: d.interleave(tf.data.Dataset.range, num_parallel_calls=2).batch(2), False),
        (lambda d: d.filter(_true).batch(2), False),
    ],
    ids=["batches", "zip", "shuffle", "one of two", "cache", "interleave", "filter"],
)
def test_where_exact_checkpoints_are_free(make, expected):
    dataset = make(tf.data.Dataset.range(8))
    assert checkpoints.exact_is_free(dataset) is expected


def _same(*numbers):
    return numbers


def _true(number):
    return number >= 0


def test_a_pipeline_pays_nothing_for_checkpoints_it_did_not_ask_for():
    def symbolic(**options):
        return data.mix(source(), PLAIN, **options).options().experimental_symbolic_checkpoint

    assert not symbolic()
    assert symbolic(resumable=True)


def test_without_a_seed_pipelines_share_no_draws_and_set_random_seed_fixes_them():
    fixed = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(10)
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        pipelines = [data.mix(fixed, PLAIN), data.mix(fixed, PLAIN)]
        found.append([drained(each) for each in (*pipelines, *pipelines)])
    assert found[0] == found[1]
    batches = [batch for epoch in found[0] for batch in epoch]
    assert len(set(batches)) == len(batches) == 20


def test_its_seed_alone_decides():
    in_order = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(7)
    assert_the_global_seed_does_not_count(lambda: data.mix(in_order, MIXERS[0], seed=3))


def test_structure_and_static_shapes_are_kept():
    whole = tf.data.Dataset.from_tensor_slices({"images": IMAGES, "labels": IDS})
    mixed = data.mix(whole.batch(7, drop_remainder=True), MIXERS[1])
    assert mixed.element_spec["images"].shape == (7, 6, 5, 3)
    assert mixed.element_spec["labels"].shape == (7, 4)
    assert len(list(mixed)) == 7
    assert data.mix(whole.batch(7), MIXERS[1]).element_spec["images"].shape == (None, 6, 5, 3)


def test_inputs_alone_and_weights_are_mixed():
    alone = tf.data.Dataset.from_tensor_slices(IMAGES).batch(10)
    assert data.mix(alone, MIXERS[0]).element_spec.shape == (None, 6, 5, 3)
    weighted = tf.data.Dataset.from_tensor_slices((IMAGES, IDS, IMAGES[:, 0, 0, 0])).batch(10)
    assert len(data.mix(weighted, MIXERS[0]).element_spec) == 3


@pytest.mark.parametrize("size", [3, 7, 20])
def test_partners_come_from_the_second_dataset_alone_which_repeats(size):
    own = tf.data.Dataset.from_tensor_slices((IMAGES * 0, IDS * 0)).batch(7)
    other = tf.data.Dataset.from_tensor_slices((IMAGES * 0 + 1, IDS * 0 + 3)).batch(size).take(1)
    mixed = list(data.mix(own, MIXERS[1], partners=other))
    assert len(mixed) == 8
    for x, y in mixed:
        np.testing.assert_allclose(np.mean(x, axis=(1, 2, 3)), y[:, 3], atol=1e-6)
    assert max(np.max(y[:, 3]) for _, y in mixed) > 0


def test_a_second_dataset_without_an_element_is_refused():
    arrays = np.zeros((4, 2), "float32"), np.eye(4)
    dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(2)
    with pytest.raises(
        ValueError, match=r"^data.mix: `partners` must have at least one .* of 0 el"
    ):
        data.mix(dataset, MixUp(), partners=dataset.take(0))


def test_labels_of_an_unlabelled_second_dataset_are_kept_or_given():
    unlabelled = tf.data.Dataset.from_tensor_slices(IMAGES).batch(7)
    kept = data.mix(source(), MIXERS[0], partners=unlabelled, partner_labels="kept")
    assert all(np.isin(y, (0, 1)).all() for _, y in kept)
    given = data.mix(source(), MIXERS[0], partners=unlabelled, partner_labels=threes)
    labels = np.concatenate([y for _, y in given])
    own = np.concatenate([y for _, y in source()])
    assert np.all(labels[own != 3][:, 3] >= 0)
    assert labels[:, 3].sum() > (own == 3).sum()


def threes(x):
    return tf.fill([tf.shape(x)[0]], tf.constant(3, tf.int64))


def test_the_plain_path_gives_the_same_pixels_as_the_compiled_one():
    plain = CutMix(alpha=1.0, num_classes=4, rate=0.7, jit_compile=False)
    assert drained(data.mix(source(), plain, seed=5)) == drained(
        data.mix(source(), MIXERS[1], seed=5)
    )
