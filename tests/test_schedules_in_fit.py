"""The epoch that each batch is mixed as, where `fit` trains on a pipeline with a schedule."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.callbacks import MixSchedule
from keras_mix.layers import Cutout, RandomChoice

pytestmark = pytest.mark.slow

EPOCHS, STEPS = 3, 4
IMAGES = np.zeros((2 * STEPS, 4, 4, 1), "float32")
LABELS = np.arange(2 * STEPS) % 3


def batches():
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(2)


def pipeline(dataset=None, epochs=EPOCHS, **options):
    """A pipeline that fills the images of epoch e with e + 1, and its schedule."""
    mixers = [Cutout(size=1.0, fill_value=1.0 + epoch) for epoch in range(epochs)]
    rows = np.eye(epochs).tolist()
    schedule = MixSchedule(probabilities=dict(enumerate(rows)))
    layer = RandomChoice(mixers, num_classes=3, jit_compile=False)
    dataset = batches() if dataset is None else dataset
    options = {"seed": 1, "epochs": epochs, **options}
    return data.mix(dataset, layer, schedule=schedule, **options), schedule


class Recorder(keras.Model):
    """Records, for each batch that it trains on, the epoch that it was mixed as."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)
        self.seen = []

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 16)))

    def train_step(self, batch):
        self.seen.append(int(np.max(batch[0])) - 1)
        return super().train_step(batch)


def trained(dataset, schedule, built=False, model=None, **options):
    """The epochs that `fit` has seen; the optimizer's steps are real."""
    model = model or Recorder()
    if built:
        model(IMAGES[:2])
    model.compile("sgd", "mse", run_eagerly=True)
    options = {"epochs": EPOCHS, "verbose": 0, "shuffle": False, **options}
    model.fit(dataset, callbacks=[schedule], **options)
    return model.seen


def _same(dataset):
    return dataset


def _prefetched(dataset):
    return dataset.prefetch(8)


def each(epochs, steps=STEPS):
    return np.repeat(epochs, steps).tolist()


@pytest.mark.parametrize(
    ("built", "after", "validated"),
    [(False, _same, True), (True, _prefetched, True), (False, _prefetched, False)],
)
def test_an_iterator_for_each_epoch(built, after, validated):
    dataset, schedule = pipeline()
    options = {"validation_data": after(dataset)} if validated else {}
    assert trained(after(dataset), schedule, built, **options) == each(range(EPOCHS))


@pytest.mark.parametrize(
    ("before", "steps"), [(_same, 3), (_same, 5), (tf.data.Dataset.repeat, STEPS)]
)
def test_one_iterator_for_all_epochs(before, steps):
    dataset, schedule = pipeline(before(batches()), steps_per_epoch=steps)
    found = trained(dataset.prefetch(8), schedule, steps_per_epoch=steps)
    assert found == each(range(EPOCHS), steps)


@pytest.mark.parametrize("steps", [None, STEPS])
def test_training_that_goes_on_in_a_second_fit(steps):
    dataset, schedule = pipeline(steps_per_epoch=steps)
    model = Recorder()
    with pytest.warns(UserWarning, match="`fit` ends after 1 epochs, the schedule .* after 3"):
        trained(dataset, schedule, model=model, epochs=1, steps_per_epoch=steps)
    trained(dataset, schedule, model=model, initial_epoch=1, steps_per_epoch=steps)
    assert model.seen == each(range(EPOCHS))


def test_steps_that_are_those_of_the_dataset_need_not_be_repeated():
    dataset, schedule = pipeline()
    assert trained(dataset, schedule, steps_per_epoch=STEPS) == each(range(EPOCHS))


# Keras warns of the end of such a dataset.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_dataset_of_unknown_length():
    dataset, schedule = pipeline(batches().filter(lambda x, y: True))
    assert trained(dataset, schedule) == each(range(EPOCHS))


@pytest.mark.parametrize(("change", "steps"), [(lambda d: d.repeat().prefetch(2), 24), (_same, 20)])
def test_iterators_that_go_on_are_refused(change, steps):
    dataset, schedule = pipeline(batches().repeat(6))
    with pytest.raises(tf.errors.InvalidArgumentError, match="this one goes on into the next"):
        trained(change(dataset), schedule, steps_per_epoch=steps)
