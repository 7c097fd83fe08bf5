"""The abstraction holds what is coming: throw-away mixers that need nothing but what is public.

Their results are compared with the oracles, and their labels with what is counted in the region.
"""

import numpy as np
import oracles
import pytest
import tensorflow as tf

from keras_mix import plans
from keras_mix.layers import Mixer
from keras_mix.plans import random, shapes

SEED = tf.constant([1, 2])
RANDOM = np.random.default_rng(0)


class Quarters(Mixer):
    """Four crops around a shared point, each at its own corner, as RICAP does."""

    pastes, grid_rank, num_sources = True, 2, 4

    def sample(self, batch, seed):
        place, *orders = random.split(seed, 4)
        others = tf.stack([self.partners(batch, order) for order in orders], axis=1)
        height, width = batch.grid
        at = random.points(place, batch.draws, batch.grid)  # [draws, 2]
        below = tf.range(height)[None, :, None] >= at[:, :1, None]
        right = tf.range(width)[None, None, :] >= at[:, 1:, None]
        region = 2 * tf.cast(below, tf.int32) + tf.cast(right, tf.int32)
        # The right and lower crops start at their source's upper left corner.
        y, x = tf.unstack(tf.cast(at, tf.float32), axis=1)
        size = tf.fill([batch.draws], float(height)), tf.fill([batch.draws], float(width))
        zero = tf.zeros_like(y)
        frames = [tf.stack([t, s, *size], axis=1) for t in (zero, y) for s in (zero, x)]
        return plans.paste(others, region, placement=plans.Resize(tf.stack(frames, axis=1)))


class Mosaic(Mixer):
    """Four whole images, each shrunk into its own quarter, as the Mosaic of YOLO."""

    pastes, grid_rank, num_sources = True, 2, 4

    def sample(self, batch, seed):
        orders = random.split(seed, 3)
        others = tf.stack([self.partners(batch, order) for order in orders], axis=1)
        height, width = batch.grid
        below = tf.range(height)[:, None] >= height // 2
        right = tf.range(width)[None] >= width // 2
        region = 2 * tf.cast(below, tf.int32) + tf.cast(right, tf.int32)
        rows, columns = (0, height // 2, height), (0, width // 2, width)
        frames = [
            (rows[r], columns[c], rows[r + 1] - rows[r], columns[c + 1] - columns[c])
            for r in (0, 1)
            for c in (0, 1)
        ]
        frames = tf.tile(tf.constant([frames], tf.float32), [batch.size, 1, 1])
        return plans.paste(others, region[None], placement=plans.Resize(frames))


class Fade(Mixer):
    """A soft region: from the sample on the left to its partner on the right."""

    grid_rank = 2

    def sample(self, batch, seed):
        order, steep = random.split(seed, 2)
        slope = random.uniform(steep, [batch.draws])[:, None, None]
        height, width = batch.grid
        across = tf.linspace(0.0, 1.0, width)[None, None]
        other = tf.tile(slope * across, [1, height, 1])
        region = tf.stack([1.0 - other, other], axis=-1)
        return plans.soft(self.partners(batch, order), region)


class Splice(Mixer):
    """A stretch of time of the partner."""

    pastes, grid_rank = True, 1

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        sides = shapes.sides(1.0 - random.beta(share, 1.0, batch.draws), batch.grid)
        stretch = shapes.rectangle(random.points(place, batch.draws, batch.grid), sides, batch.grid)
        return plans.paste(self.partners(batch, order), stretch)


class Bands(Mixer):
    """A band of time and one of frequency, as SpecMix cuts them."""

    pastes, grid_rank = True, 2

    def sample(self, batch, seed):
        order, place = random.split(seed, 2)
        time, frequency = batch.grid
        at = random.points(place, batch.draws, batch.grid)
        early = tf.range(time)[None, :, None] < at[:, :1, None]
        low = tf.range(frequency)[None, None] < at[:, 1:, None]
        return plans.paste(self.partners(batch, order), early | low)


class Brightest(Mixer):
    """The partner's pixels where it is brighter than the sample: depends on the images."""

    pastes, grid_rank = True, 2

    def sample(self, batch, seed):
        partners = self.partners(batch, seed)
        light = tf.reduce_mean(tf.cast(batch.images, tf.float32), axis=-1)
        return plans.paste(partners, tf.gather(light, partners) > light)


class Rivals(Mixer):
    """A partner of another class where there is one: depends on the labels."""

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        ids = tf.reshape(batch.labels, [-1])
        rank = random.uniform(order, [batch.size, batch.size])
        rank += tf.cast(ids[:, None] != ids[None], tf.float32)
        ratio = random.beta(share, 1.0, batch.draws)
        weights = tf.stack([ratio, 1.0 - ratio], axis=1)
        return plans.blend(tf.argmax(rank, axis=1, output_type=tf.int32), weights)


class Alike(Mixer):
    """The partner whose target is nearest, as C-Mixup prefers it: labels that are numbers."""

    def sample(self, batch, seed):
        targets = tf.reshape(tf.cast(batch.labels, tf.float32), [-1])
        far = tf.abs(targets[:, None] - targets[None])
        far = tf.linalg.set_diag(far, tf.fill([batch.size], np.inf))
        ratio = random.beta(seed, 1.0, batch.draws)
        weights = tf.stack([ratio, 1.0 - ratio], axis=1)
        return plans.blend(tf.argmin(far, axis=1, output_type=tf.int32), weights)


MIXERS = [Quarters, Mosaic, Fade, Splice, Bands, Brightest, Rivals, Alike]
ON_IMAGES = [Quarters, Mosaic, Fade, Bands, Brightest]
PASTING = [Quarters, Mosaic, Bands, Brightest]


class Seen:
    """A mixer whose plan can be looked at after a call."""

    def __init__(self, make, **options):
        self.layer = make(label_mode="pairs", pairing="derange", **options)
        self.sample, self.plan = self.layer.sample, None
        self.layer.sample = self._sample

    def _sample(self, batch, seed):
        drawn = self.sample(batch, seed)
        self.plan = drawn
        return drawn

    def __call__(self, x):
        """The mixed inputs, and the sources and weights that the labels got."""
        size = len(tf.nest.flatten(x)[0])
        mixed, pairs = self.layer(x, np.arange(size), seed=SEED)
        np.testing.assert_array_equal(pairs[:, 0], self.plan.sources)
        return tf.nest.map_structure(lambda t: t.numpy(), mixed), pairs[:, 1].numpy()


def full(region, size):
    """A region [B or 1, …] as one for each sample."""
    return np.broadcast_to(region, (size, *region.shape[1:]))


def expected(images, drawn, nearest=False):
    """What the oracles make of a plan."""
    sources = drawn.sources.numpy()
    placement = None if drawn.placement is None else drawn.placement.frames.numpy()
    if drawn.region is None:
        return oracles.blend(images, sources, drawn.weights.numpy())
    region = full(drawn.region.dense().numpy(), len(images))
    if drawn.hard:
        return oracles.paste(images, sources, region, placement, nearest)
    return oracles.soft(images, sources, region, placement)


def assert_weights_are_counted(weights, drawn, size):
    region = full(drawn.region.dense().numpy(), size)
    if drawn.hard:
        counts = oracles.count(region, weights.shape[1])
        np.testing.assert_array_equal(weights[:, 1:], oracles.shares(counts)[:, 1:])
        np.testing.assert_allclose(weights, counts / counts[0].sum(), rtol=0, atol=2e-7)
    else:
        np.testing.assert_allclose(weights, region.mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=2e-7)


@pytest.mark.parametrize("mixer", ON_IMAGES)
@pytest.mark.parametrize("grid", [(6, 7), (9, 4), (1, 1)], ids=str)
def test_images(mixer, grid):
    images = RANDOM.random((5, *grid, 3), np.float32)
    seen = Seen(mixer)
    mixed, weights = seen(images)
    np.testing.assert_allclose(mixed, expected(images, seen.plan), atol=1e-6)
    assert_weights_are_counted(weights, seen.plan, 5)


@pytest.mark.parametrize("mixer", [Quarters, Mosaic])
def test_labels_of_four_sources_are_what_is_in_the_pixels(mixer):
    images = np.tile(np.arange(7, dtype="uint8")[:, None, None, None], (1, 6, 8, 1))
    mixed, labels = mixer(num_classes=7)(images, np.arange(7), seed=SEED)
    np.testing.assert_allclose(labels, oracles.pixels_of(mixed.numpy(), 7) / 48, atol=2e-7)


@pytest.mark.parametrize("mixer", PASTING)
def test_masks_of_class_ids_are_cut_along(mixer):
    images = RANDOM.random((5, 6, 8, 3), np.float32)
    ids = RANDOM.integers(0, 300, (5, 6, 8), "int32")
    layer, drawn = mixer(), []
    sample = layer.sample
    layer.sample = lambda *args: drawn.append(sample(*args)) or drawn[0]
    _, cut = layer(images, ids, seed=SEED)
    np.testing.assert_array_equal(cut, expected(ids, drawn[0], nearest=True))


@pytest.mark.parametrize("shape", [(9,), (9, 4)], ids=["B,T", "B,T,F"])
def test_region_over_time(shape):
    sounds = RANDOM.random((5, *shape), np.float32)
    seen = Seen(Splice)
    mixed, weights = seen(sounds)
    assert seen.plan.region.dense().shape == (5, 9)
    np.testing.assert_array_equal(mixed, expected(sounds, seen.plan))
    assert_weights_are_counted(weights, seen.plan, 5)


@pytest.mark.parametrize("shape", [(9, 4), (9, 4, 1)], ids=["B,T,F", "B,T,F,1"])
def test_region_over_time_and_frequency(shape):
    sounds = RANDOM.random((5, *shape), np.float32)
    seen = Seen(Bands)
    mixed, weights = seen(sounds)
    assert seen.plan.region.dense().shape == (5, 9, 4)
    np.testing.assert_array_equal(mixed, expected(sounds, seen.plan))
    assert_weights_are_counted(weights, seen.plan, 5)


def test_region_that_depends_on_the_images():
    images = RANDOM.random((5, 6, 7, 3), np.float32)
    mixed, _ = Seen(Brightest)(images)
    assert (mixed.mean(axis=-1) >= images.mean(axis=-1)).all()


@pytest.mark.parametrize("labels", [np.array([0, 0, 0, 1]), np.array([[0], [0], [0], [1]])])
def test_pairing_that_depends_on_class_ids(labels):
    layer = Rivals(num_classes=2)
    for k in range(5):
        _, mixed = layer(np.zeros((4, 3), "f4"), labels, seed=tf.constant([k, 0]))
        assert ((mixed.numpy() > 0) & (mixed.numpy() < 1)).all()


@pytest.mark.parametrize("shape", [(4,), (4, 1)], ids=["B", "B,1"])
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_pairing_that_depends_on_targets_of_a_regression(shape, form):
    targets = np.array([1.0, 2.0, 30.0, 31.0], "f4").reshape(shape)
    images = np.tile(targets.reshape(4, 1, 1, 1), (1, 2, 2, 1))
    if form == "tuple":
        x, y = Alike()(images, targets, seed=SEED)
    else:
        mixed = Alike()({"images": images, "labels": targets}, seed=SEED)
        x, y = mixed["images"], mixed["labels"]
    np.testing.assert_allclose(x[:, 0, 0, 0], tf.reshape(y, [-1]), rtol=1e-6)
    assert (np.abs(y.numpy() - targets) <= 1).all()


# One plan for all that belongs to a sample.


def everything(size):
    """An image, a spectrogram, features, a mask and labels that all name their sample."""
    own = np.arange(size)
    x = {
        "image": np.tile(own[:, None, None, None].astype("uint8"), (1, 6, 8, 3)),
        "spectrogram": np.tile(own[:, None, None].astype("float32"), (1, 9, 4)),
        "features": np.tile(own[:, None].astype("float32"), (1, 5)),
    }
    y = {"mask": np.tile(own[:, None, None].astype("int32"), (1, 6, 8)), "label": own}
    return x, y


def check_everything(mixed, size):
    x, y = mixed
    labels = y["label"].numpy()
    images = x["image"].numpy()
    pixels = oracles.pixels_of(images[..., :1], size)
    np.testing.assert_allclose(labels, pixels / pixels[0].sum(), atol=2e-7)
    np.testing.assert_array_equal(y["mask"], images[..., 0])
    for name in ("spectrogram", "features"):
        seen = labels @ np.arange(size, dtype="f4")
        values = x[name].numpy().reshape(size, -1)
        np.testing.assert_allclose(values, np.tile(seen[:, None], values.shape[1]), rtol=1e-5)
    assert images.dtype == "uint8"
    assert y["mask"].dtype == tf.int32


@pytest.mark.parametrize("mixer", PASTING)
def test_everything_of_a_sample_is_mixed_by_one_plan(mixer):
    layer = mixer(num_classes={"label": 6})
    check_everything(layer(everything(6), seed=SEED), 6)


@pytest.mark.parametrize(
    ("mixer", "jit_compile"), [(PASTING[0], False), *((mixer, True) for mixer in PASTING)]
)
def test_everything_is_mixed_in_a_dataset(mixer, jit_compile):
    layer = mixer(num_classes={"label": 6}, jit_compile=jit_compile)
    dataset = tf.data.Dataset.from_tensor_slices(everything(6)).batch(6, drop_remainder=True)
    for mixed in dataset.map(lambda x, y: layer((x, y), seed=SEED)):
        check_everything(mixed, 6)


@pytest.mark.parametrize("mixer", [Quarters, Mosaic, Fade, Splice, Bands, Brightest, Rivals])
def test_dataset_compiled_by_xla_gives_what_an_eager_call_gives(mixer):
    images, labels = RANDOM.random((6, 6, 8, 3), np.float32), np.arange(6) % 3
    layer = mixer(num_classes=3)
    eager = layer(images, labels, seed=SEED)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(6, drop_remainder=True)
    found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=SEED))))
    for one, other in zip(found, eager, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("mixer", ON_IMAGES)
@pytest.mark.parametrize("per", ["sample", "batch"])
def test_rate_keeps_some_samples_bit_for_bit(mixer, per):
    if per == "batch" and mixer is Quarters:
        per = "sample"  # Its placement is drawn for each sample.
    images = RANDOM.choice([-0.0, np.inf, np.nan, 1.0], (32, 6, 8, 1)).astype("f4")
    layer = mixer(label_mode="pairs", rate=0.5, per=per, pairing="roll")
    mixed, pairs = layer(images, np.arange(32), seed=SEED)
    alone = (pairs[:, 0].numpy() == np.arange(32)[:, None]).all(axis=1)
    found = mixed.numpy()[alone].view("uint32")
    np.testing.assert_array_equal(found, images[alone].view("uint32"))
    assert per == "batch" or 0 < alone.sum() < 32


def test_a_mixer_without_a_plan_is_refused():
    class Unfinished(Mixer):
        pass

    with pytest.raises(TypeError, match=r"Unfinished: a mixer must define `sample"):
        Unfinished()
