"""A place of one input and layers behind others: pictures at the input, words at the embedding."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.models import ManifoldMixup, MixingModel

BATCH = 8
IDS = np.arange(BATCH)


def of_words_and_pictures(listed=False, dtype="float32"):
    """Shows what its two halves were given: word i is embedded as i, its picture is full of i."""
    image = keras.Input((2, 2), dtype=dtype, name="image")
    words = keras.Input((3,), dtype="int32", name="text")
    vectors = layers.Embedding(BATCH, 1, name="embedding", embeddings_initializer=_ids)(words)
    seen, read = ops.mean(image, axis=(1, 2)), ops.mean(vectors, axis=(1, 2))
    inputs = [image, words] if listed else {"image": image, "text": words}
    return keras.Model(inputs, ops.stack([seen, read], axis=1))


class OfBoth(keras.Model):
    """The same, of a graph that Keras does not know."""

    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(BATCH, 1, name="embedding", embeddings_initializer=_ids)

    def call(self, inputs):
        read = ops.mean(self.embedding(inputs["text"]), axis=(1, 2))
        return ops.stack([ops.mean(inputs["image"], axis=(1, 2)), read], axis=1)


def _ids(shape, dtype=None):
    return ops.cast(ops.arange(shape[0]), dtype)[:, None]


def batch(listed=False, dtype="float32", words="int64"):
    image, text = np.ones((BATCH, 2, 2)) * IDS[:, None, None], np.ones((BATCH, 3)) * IDS[:, None]
    image, text = image.astype(dtype), text.astype(words)
    return [image, text] if listed else {"image": image, "text": text}


def mixed(model, x):
    """What each half was given, [B, 2], in the training pass."""
    return ops.convert_to_numpy(model(x, training=True))


@pytest.mark.parametrize("wrapper", [ManifoldMixup, MixingModel])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("words", ["int32", "int64"])
def test_both_are_mixed_once_by_one_plan(wrapper, dtype, words):
    model = wrapper(of_words_and_pictures(), layers=[("input/image", "embedding")], seed=1)
    seen, read = mixed(model, batch(dtype=dtype, words=words)).T
    np.testing.assert_allclose(seen, read, rtol=1e-6)
    assert np.abs(seen - IDS).max() > 0.1
    # Every sample is still partly itself: each half is between it and its partner.
    assert len(np.unique(seen)) == BATCH


def test_only_the_input_that_is_named_is_mixed():
    with pytest.warns(UserWarning, match="past `input/image`"):
        model = ManifoldMixup(of_words_and_pictures(), layers=["input/image"], seed=1)
    seen, read = mixed(model, batch()).T
    np.testing.assert_array_equal(read, IDS)
    assert np.abs(seen - IDS).max() > 0.1


def test_an_input_of_a_list_is_named_by_its_number_or_given_itself():
    base = of_words_and_pictures(listed=True)
    given = next(layer for layer in base.layers if layer.name == "image")
    for entry in ("input/0", given):
        model = ManifoldMixup(base, layers=[(entry, "embedding")], seed=1)
        assert model.mix_points == [("input/0", "embedding")]
        seen, read = mixed(model, batch(listed=True)).T
        np.testing.assert_allclose(seen, read, rtol=1e-6)
        assert np.abs(seen - IDS).max() > 0.1


def test_a_model_of_unknown_graph_is_mixed_alike():
    model = ManifoldMixup(OfBoth(), layers=[("input/image", "embedding")], seed=1)
    seen, read = mixed(model, batch(words="int32")).T
    np.testing.assert_allclose(seen, read, rtol=1e-6)
    assert np.abs(seen - IDS).max() > 0.1
    model = ManifoldMixup(OfBoth(), layers=[("input/imag", "embedding")])
    with pytest.raises(ValueError, match=r"every place must be passed.*`input/imag`"):
        mixed(model, batch())


@pytest.mark.parametrize("entry", ["image", "input/imag", "input/2"])
def test_an_input_that_is_not_there(entry):
    with pytest.raises(ValueError, match=r"has no such layer.*'input/image'"):
        ManifoldMixup(of_words_and_pictures(), layers=[(entry, "embedding")])


def test_words_themselves_are_refused():
    model = ManifoldMixup(of_words_and_pictures(), layers=[("input/image", "input/text")])
    with pytest.raises(ValueError, match=r"`input/text` holds integers.*name the embedding"):
        mixed(model, batch())


def test_it_trains_and_is_saved():
    model = ManifoldMixup(of_words_and_pictures(), layers=[("input/image", "embedding")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(batch(), IDS % 2, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    config = keras.saving.serialize_keras_object(model)
    assert config["config"]["places"] == [["input/image", 0]]
