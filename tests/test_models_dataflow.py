"""Default places: what data pass through in graphs with ids, masks and models inside."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.layers import CutMix, MixUp
from keras_mix.models import ManifoldMixup, MixingModel

IDS = np.random.default_rng(0).integers(0, 9, (6, 12))
Y = np.zeros((6, 3), "float32")


def step(model, x):
    model.compile("sgd", "mse", run_eagerly=True)
    return model.train_on_batch(x, Y)


def text(dtype="float32", length=12, between=None):
    ids = keras.Input((length,), dtype=dtype)
    x = ids if between is None else between(ids)
    x = layers.Embedding(9, 4, name="words")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(ids, layers.Dense(3)(x))


@pytest.mark.parametrize("between", [None, layers.Identity(), lambda x: ops.cast(x, "int32")])
@pytest.mark.parametrize("length", [12, None])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_ids_for_an_embedding_are_not_blended(dtype, length, between):
    base = text(dtype, length, between)
    model = ManifoldMixup(base)
    assert model.mix_points == ["words", "mean"]
    for given in ("float32", "int32"):
        assert step(model, IDS.astype(given)) >= 0
    for mixer in (None, MixUp()):
        with pytest.raises(ValueError, match=r"cannot be averaged meaningfully.* the embedding"):
            step(MixingModel(base, mixer=mixer), IDS.astype(dtype))


class Subclassed(keras.Model):
    """Reads ids by an embedding; Keras knows no graph of it."""

    def __init__(self):
        super().__init__()
        self.words = layers.Embedding(9, 4, name="words")
        self.mean = layers.GlobalAveragePooling1D(name="mean")
        self.head = layers.Dense(3, name="head")

    def call(self, inputs):
        return self.head(self.mean(self.words(inputs)))


@pytest.mark.parametrize("make", [Subclassed, lambda: keras.Sequential(Subclassed().layers)])
def test_ids_of_models_without_a_graph(make):
    model = ManifoldMixup(make())
    assert "words" in model.mix_points
    assert "input" not in model.mix_points
    assert step(model, IDS.astype("float32")) >= 0
    with pytest.raises(ValueError, match=r"ids for the embedding `words`, blended at `input`"):
        step(MixingModel(make()), IDS.astype("float32"))


def test_one_of_several_inputs_that_feeds_an_embedding():
    ids, image = keras.Input((12,), name="ids"), keras.Input((4, 4, 1), name="image")
    x = layers.Concatenate()([text()(ids), layers.Flatten()(image)])
    base = keras.Model({"ids": ids, "image": image}, layers.Dense(3)(x))
    x = {"ids": IDS.astype("float32"), "image": np.ones((6, 4, 4, 1), "float32")}
    with pytest.raises(ValueError, match=r"`input` holds ids for `functional\w*/words`"):
        step(MixingModel(base), x)
    with pytest.raises(ValueError, match=r"`input/ids` holds ids for `functional\w*/words`"):
        step(MixingModel(base, mix_at=[("input/ids", "input/image")]), x)
    name = next(layer.name for layer in base.layers if isinstance(layer, keras.Model))
    model = MixingModel(base, mix_at=[("input/image", f"{name}/words")])
    assert step(model, x) >= 0


NAMES = ("token_ids", "padding_mask", "segment_ids")
X = {"token_ids": IDS, "padding_mask": np.ones((6, 12)), "segment_ids": np.zeros((6, 12))}
X = {name: values.astype("int32") for name, values in X.items()}


def inputs():
    return {name: keras.Input((None,), dtype="int32", name=name) for name in NAMES}


def encoder():
    """A BERT: ids of tokens and segments, a padding mask, two outputs."""
    given = inputs()
    words = layers.Embedding(9, 8, name="words")(given["token_ids"])
    segments = layers.Embedding(2, 8, name="segments")(given["segment_ids"])
    x = layers.Add(name="embedded")([words, segments])
    for block in range(2):
        mask = ops.expand_dims(ops.cast(given["padding_mask"], "bool"), 1)
        attended = layers.MultiHeadAttention(2, 4, name=f"attention{block}")(
            x, x, attention_mask=mask
        )
        x = layers.Add(name=f"sum{block}")([x, attended])
        x = layers.LayerNormalization(name=f"block{block}")(x)
    pooled = layers.Dense(8, name="pooled")(x[:, 0])
    return keras.Model(given, {"sequence": x, "pooled": pooled}, name="bert")


def classifier(features):
    given = inputs()
    return keras.Model(given, layers.Dense(3)(features(encoder()(given))))


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (lambda y: y["pooled"], ["bert/sum0", "bert/sum1", "bert/block1"]),
        (lambda y: y["sequence"][:, 0], ["bert/sum0", "bert/block0", "bert/sum1"]),
        (
            lambda y: ops.concatenate([y["pooled"], y["sequence"][:, 0]], axis=-1),
            ["bert/sum0", "bert/block0", "bert/sum1"],
        ),
    ],
)
def test_a_model_inside_with_ids_a_mask_and_two_outputs(recwarn, features, expected):
    base = classifier(features)
    model = ManifoldMixup(base)
    assert model.mix_points == expected
    assert step(model, X) >= 0
    ManifoldMixup(base, mix_at=["bert/block0"])
    assert not [w for w in recwarn if "stay unmixed" in str(w.message)]
    with pytest.warns(UserWarning, match="bypass `bert/attention0` and stay unmixed"):
        ManifoldMixup(base, mix_at=["bert/attention0"])


def late_numbers():
    words, numbers = keras.Input((12,), name="words"), keras.Input((3,), name="numbers")
    x = layers.Embedding(9, 4, name="embed")(words)
    x = layers.Concatenate(name="join")([layers.Flatten(name="flat")(x), numbers])
    return keras.Model([words, numbers], layers.Dense(3)(layers.Dense(5, name="hidden")(x)))


def test_an_input_that_enters_late_passes_by_what_comes_before():
    model = ManifoldMixup(late_numbers())
    assert model.mix_points == ["join", "hidden"]
    with pytest.warns(UserWarning, match="data bypass `flat`"):
        ManifoldMixup(late_numbers(), mix_at=["flat"])


def test_the_input_beside_a_mask_is_the_one_that_carries_data():
    image, mask = keras.Input((8, 3), name="image"), keras.Input((8,), dtype="int32", name="mask")
    valid = ops.expand_dims(ops.cast(mask, "bool"), 1)
    x = layers.MultiHeadAttention(1, 4)(image, image, attention_mask=valid)
    base = keras.Model({"image": image, "mask": mask}, layers.Dense(3)(layers.Flatten()(x)))
    assert ManifoldMixup(base).mix_points[0] == "input/image"


def test_a_model_without_a_default_place_says_so():
    ids = [keras.Input((12,), dtype="int32") for _ in range(2)]
    base = keras.Model(ids, layers.Add()([text("int32")(one) for one in ids]))
    with pytest.raises(
        ValueError, match=r"all data pass through.*which has neither. Name mix points"
    ):
        ManifoldMixup(base)


def test_what_an_embedding_reads_may_be_cut():
    steps = keras.Input((12, 1))
    x = layers.Embedding(9, 4)(layers.Reshape((12,))(steps))
    base = keras.Model(steps, layers.Dense(3)(layers.Flatten()(x)))
    model = MixingModel(base, mixer=CutMix(spatial_dims=1))
    assert step(model, IDS[..., None].astype("float32")) >= 0


@pytest.mark.parametrize("mode", ["int", "multi_hot"])
def test_default_places_of_a_sequence_that_is_built_late(mode):
    words = layers.TextVectorization(9, output_mode=mode, output_sequence_length=None, name="words")
    words.adapt(np.array(["a b c", "d e"]))
    hidden = [layers.Dense(4, name="first"), layers.Dense(3, name="last")]
    if mode == "int":
        pool = layers.GlobalAveragePooling1D(name="mean")
        hidden = [layers.Embedding(9, 4, name="embedding"), pool, *hidden]
    model = ManifoldMixup(keras.Sequential([words, *hidden]))
    assert model.mix_points == (["embedding", "first"] if mode == "int" else ["first"])
    assert np.isfinite(step(model, ops.convert_to_tensor(["a b", "c", "d e", "a", "b", "e"])))
