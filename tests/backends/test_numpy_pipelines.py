"""`data.on_numpy` in Grain, `keras.utils.PyDataset` and worker processes, on any backend."""

import pickle

import keras
import numpy as np
import pytest

from keras_mix import layers
from keras_mix.data import on_numpy

IMAGES = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 3)).astype("uint8")
LABELS = np.arange(48) % 4


def mixing():
    return on_numpy(layers.RandomChoice([layers.CutMix(), layers.MixUp()], num_classes=4))


def assert_batches_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)


def test_a_generator_decides_all_draws():
    mix, batch = mixing(), (IMAGES, LABELS)
    first, again, other = (mix(batch, np.random.default_rng(n)) for n in (1, 1, 2))
    assert all(type(each) is np.ndarray for each in first)
    assert_batches_equal([first], [again])
    assert not np.array_equal(first[0], other[0])


def test_a_copy_in_another_process_mixes_alike():
    mix, batch = mixing(), {"images": IMAGES, "labels": LABELS}
    copy = pickle.loads(pickle.dumps(mix))
    assert repr(copy) == repr(mix)
    assert_batches_equal(
        [copy(batch, np.random.default_rng(1))], [mix(batch, np.random.default_rng(1))]
    )


class Pairs:
    """A source of Grain's."""

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        return IMAGES[index], LABELS[index]


def test_grain_seeds_a_batch_by_its_number_and_resumes():
    grain = pytest.importorskip("grain")
    dataset = grain.MapDataset.source(Pairs()).seed(3).shuffle().batch(16).random_map(mixing())
    one_by_one = [dataset[number] for number in range(len(dataset))]
    iterator = iter(dataset.to_iter_dataset(grain.ReadOptions(num_threads=4)))
    assert_batches_equal([next(iterator)], one_by_one[:1])
    state = iterator.get_state()
    assert_batches_equal([*iterator], one_by_one[1:])
    iterator.set_state(state)
    assert_batches_equal([*iterator], one_by_one[1:])
    second_epoch = dataset.repeat(2)[len(dataset)]
    assert not np.array_equal(second_epoch[0], one_by_one[0][0])


def test_grain_takes_it_among_the_operations_of_a_loader():
    grain = pytest.importorskip("grain")
    sampler = grain.samplers.IndexSampler(48, shuffle=False, num_epochs=1, seed=5)
    loader = grain.DataLoader(
        data_source=Pairs(), sampler=sampler, operations=[grain.transforms.Batch(16), mixing()]
    )
    first, again = [*loader], [*loader]
    assert [batch[1].shape for batch in first] == [(16, 4)] * 3
    assert_batches_equal(first, again)


class Batches(keras.utils.PyDataset):
    """Batches that are mixed by seed, epoch and index."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mix, self.epoch, self.given = mixing(), 0, []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        batch = self.mix(
            (IMAGES[rows], LABELS[rows]), np.random.default_rng([1, self.epoch, index])
        )
        self.given.append((self.epoch, index, batch))
        return batch

    def on_epoch_end(self):
        self.epoch += 1


def fitted(**options):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    dataset = Batches(**options)
    model.fit(dataset, epochs=2, shuffle=False, verbose=0)
    return {(epoch, index): batch for epoch, index, batch in dataset.given}


def test_a_py_dataset_gives_the_same_batches_with_any_number_of_workers():
    alone, workers = fitted(), fitted(workers=3)
    # Keras reads ahead: it has ended an epoch before it trains the first.
    for time in [(epoch, index) for epoch in (1, 2) for index in range(3)]:
        assert_batches_equal([alone[time]], [workers[time]])
    assert not np.array_equal(alone[1, 0][0], alone[2, 0][0])


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(
        ValueError, match=r"data.on_numpy: `layer` must be a mixer .* Received: layer=3"
    ):
        on_numpy(3)
    with pytest.raises(ValueError, match=r"`layer` must be an instance, not a class"):
        on_numpy(layers.CutMix)
    with pytest.raises(ValueError, match=r"mix each batch by itself.*RecursiveMix.*data\.mix"):
        on_numpy(layers.RecursiveMix())
    with pytest.raises(ValueError, match=r"`rng` must be a np.random.Generator. Received: rng=3"):
        mixing()((IMAGES, LABELS), 3)
    with pytest.raises(ValueError, match=r"`y` .*num_classes"):
        on_numpy(layers.MixUp())((IMAGES, IMAGES), np.random.default_rng(1))
