"""A place of one input and layers behind others: pictures at the input, words at the embedding."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.layers import MixPoint
from keras_mix.models import ManifoldMixup, MixingModel

pytestmark = pytest.mark.slow

BATCH = 8
IDS = np.arange(BATCH)
PLACE = ("input/image", "embedding")


def _ids(shape, dtype=None):
    return ops.cast(ops.arange(shape[0]), dtype)[:, None]


def embedding():
    """Word i becomes the number i."""
    return layers.Embedding(BATCH, 1, name="embedding", embeddings_initializer=_ids)


def mean(x):
    return ops.mean(x, axis=tuple(range(1, len(x.shape))))


def of_words_and_pictures(listed=False):
    """Shows what its two halves were given: word i is embedded as i, its picture is full of i."""
    image, text = keras.Input((2, 2), name="image"), keras.Input((3,), dtype="int32", name="text")
    inputs = [image, text] if listed else {"image": image, "text": text}
    return keras.Model(inputs, ops.stack([mean(image), mean(embedding()(text))], axis=1))


class OfBoth(keras.Model):
    """The same, of a graph that Keras does not know."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding()

    def call(self, inputs):
        return ops.stack([mean(inputs["image"]), mean(self.embedding(inputs["text"]))], axis=1)


def batch(listed=False, dtype="float32", words="int32"):
    image, text = np.ones((BATCH, 2, 2)) * IDS[:, None, None], np.ones((BATCH, 3)) * IDS[:, None]
    image, text = image.astype(dtype), text.astype(words)
    return [image, text] if listed else {"image": image, "text": text}


def mixed(model, x):
    """What each half was given, two [B], in the training pass."""
    return np.array(ops.convert_to_numpy(model(x, training=True)), "float32").T


@pytest.fixture(name="expected")
def _expected():
    """What one seed makes of the numbers of the samples, mixed at a place that is one layer."""
    inputs = keras.Input((1,))
    base = keras.Model(inputs, layers.Identity(name="only")(inputs))
    model = ManifoldMixup(base, mix_at=["only"], seed=1)
    found = ops.convert_to_numpy(model(IDS[:, None].astype("float32"), training=True))[:, 0]
    assert np.abs(found - IDS).max() > 0.1
    return np.array(found)


@pytest.fixture(name="half_precision")
def _half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64"])
@pytest.mark.parametrize("words", ["int32", "int64"])
def test_both_are_mixed_once_by_one_plan(dtype, words, expected):
    model = ManifoldMixup(of_words_and_pictures(), mix_at=[PLACE], seed=1)
    for half in mixed(model, batch(dtype=dtype, words=words)):
        np.testing.assert_allclose(half, expected, rtol=1e-6)


def test_each_sample_has_a_ratio_of_its_own():
    model = MixingModel(of_words_and_pictures(), mix_at=[PLACE], alpha=1.0, seed=1)
    seen, read = mixed(model, batch())
    np.testing.assert_allclose(seen, read, rtol=1e-6)
    assert np.abs(seen - IDS).max() > 0.1


def test_only_the_input_that_is_named_is_mixed(expected):
    with pytest.warns(UserWarning, match="bypass `input/image`"):
        model = ManifoldMixup(of_words_and_pictures(), mix_at=["input/image"], seed=1)
    seen, read = mixed(model, batch())
    np.testing.assert_array_equal(read, IDS)
    np.testing.assert_allclose(seen, expected, rtol=1e-6)


def test_an_input_of_a_list_is_named_by_its_number_or_given_itself(expected):
    base = of_words_and_pictures(listed=True)
    given = next(layer for layer in base.layers if layer.name == "image")
    # Keras finds the inputs of a list by their names, too.
    for entry, x in (("input/0", batch(listed=True)), (given, batch())):
        model = ManifoldMixup(base, mix_at=[(entry, "embedding")], seed=1)
        assert model.mix_points == [("input/0", "embedding")]
        for half in mixed(model, x):
            np.testing.assert_allclose(half, expected, rtol=1e-6)


def test_a_model_of_unknown_graph_is_mixed_alike(expected):
    model = ManifoldMixup(OfBoth(), mix_at=[PLACE], seed=1)
    for half in mixed(model, batch()):
        np.testing.assert_allclose(half, expected, rtol=1e-6)


@pytest.mark.usefixtures("half_precision")
def test_what_keras_casts_on_the_way_is_mixed_where_it_should_be(expected):
    one, other = keras.Input((1,), name="one"), keras.Input((1,), name="other")
    first = layers.Identity(name="first")(other)
    outputs = ops.concatenate([one, layers.Identity(name="second")(first)], axis=1)
    base = keras.Model({"one": one, "other": other}, outputs)
    numbers = IDS.astype("float32")
    for place in (("input/one", "second"), ("input/one", "first"), ("input/one", "input/other")):
        # Keras also adds the axis that is missing.
        for x in (numbers, numbers[:, None]):
            model = ManifoldMixup(base, mix_at=[place], seed=1)
            for half in mixed(model, {"one": x, "other": x}):
                np.testing.assert_allclose(half, expected, rtol=2e-3)


class Shared(keras.Model):
    """One encoder for both inputs."""

    def __init__(self):
        super().__init__()
        self.encoder = layers.Identity(name="encoder")

    def call(self, inputs):
        return ops.concatenate([self.encoder(inputs["a"]), self.encoder(inputs["b"])], axis=1)


@pytest.mark.usefixtures("half_precision")
def test_a_shared_encoder_mixes_no_input_twice(expected):
    model = ManifoldMixup(Shared(), mix_at=[("input/a", "encoder")], seed=1)
    numbers = IDS.astype("float32")[:, None]
    for half in mixed(model, {"a": numbers, "b": numbers}):
        np.testing.assert_allclose(half, expected, rtol=2e-3)


@pytest.mark.parametrize("entry", ["image", "input/imag", "input/2"])
def test_an_input_that_is_not_there(entry):
    with pytest.raises(ValueError, match=r"must name layers.*'input/image'"):
        ManifoldMixup(of_words_and_pictures(), mix_at=[(entry, "embedding")])


def test_an_input_that_is_not_given():
    model = ManifoldMixup(OfBoth(), mix_at=[("input/imag", "embedding")])
    with pytest.raises(ValueError, match=r"`input/imag` must be one of several inputs.*/image"):
        mixed(model, batch())


def test_an_input_of_another_model():
    other = of_words_and_pictures().layers[0]
    with pytest.raises(ValueError, match="is not an input of"):
        ManifoldMixup(of_words_and_pictures(), mix_at=[other])


def test_a_layer_that_is_called_input_is_a_layer():
    block = keras.Sequential([MixPoint(name="point"), layers.Dense(2)], name="input")
    base = keras.Sequential([keras.Input((2,)), block, layers.Dense(1)])
    assert ManifoldMixup(base).mix_points == ["input/point"]
    assert ManifoldMixup(base, mix_at=["input/point"]).mix_points == ["input/point"]
    assert mixed(ManifoldMixup(base), np.ones((BATCH, 2), "float32")).shape == (1, BATCH)


@pytest.mark.parametrize("place", ["input", ("input/image", "input/other")])
def test_blends_of_what_a_model_takes_as_integers_are_rounded(place, expected):
    inputs = {name: keras.Input((2, 2), dtype="uint8", name=name) for name in ("image", "other")}
    halves = [mean(ops.cast(inputs[name], "float32")) for name in ("image", "other")]
    base = keras.Model(inputs, ops.stack(halves, axis=1))
    picture = batch(dtype="uint8")["image"]
    model = ManifoldMixup(base, mix_at=[place], seed=1)
    for half in mixed(model, {"image": picture * 10, "other": picture * 10}):
        # Keras's cast alone would give their floor.
        np.testing.assert_array_equal(half, np.round(expected * 10))


def test_words_themselves_are_refused():
    model = ManifoldMixup(of_words_and_pictures(), mix_at=[("input/image", "input/text")])
    with pytest.raises(ValueError, match=r"`input/text` holds integers.*name the embedding"):
        mixed(model, batch())


def test_it_is_saved_and_trains(tmp_path, expected):
    model = ManifoldMixup(of_words_and_pictures(), mix_at=[PLACE], seed=1)
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    with keras.saving.custom_object_scope({"_ids": _ids}):
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.mix_points == [PLACE]
    for half in mixed(loaded, batch()):
        np.testing.assert_allclose(half, expected, rtol=1e-6)
    history = loaded.fit(batch(), np.ones((BATCH, 2)), epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
