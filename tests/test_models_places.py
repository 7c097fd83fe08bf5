"""Which places a model has, how they are named, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import Recorder, fix_draws, mixed_by

from keras_mix.layers import CutMix, MixPoint, MixUp
from keras_mix.models import ManifoldMixup, MixingModel

X = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")
IDS = np.arange(6) % 3
PARTNERS = [1, 2, 3, 4, 5, 0]


def residual_block(x, filters, strides, name):
    inner = keras.layers.Conv2D(filters, 3, strides, "same", name=f"{name}_conv")(x)
    inner = keras.layers.BatchNormalization(name=f"{name}_norm")(inner)
    skip = keras.layers.Conv2D(filters, 1, strides, name=f"{name}_skip")(x)
    return keras.layers.ReLU(name=name)(keras.layers.Add(name=f"{name}_add")([inner, skip]))


def residual(dtype="float32"):
    x = image = keras.Input((8, 8, 3), dtype=dtype, name="image")
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(x)
    for stage, filters in enumerate((4, 8, 12), start=1):
        for block in "ab":
            x = residual_block(
                x, filters, 2 if block == "a" and stage > 1 else 1, f"{stage}{block}"
            )
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="head")(x))


def small(*middle, name="small"):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *middle,
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ],
        name=name,
    )


class Twice(keras.Model):
    """Calls a layer twice: on its own output, or on two inputs."""

    def __init__(self, siamese, raw=False):
        super().__init__()
        self.siamese, self.raw = siamese, raw
        self.shared = keras.layers.Dense(4, name="shared")
        self.head = keras.layers.Dense(3, name="head")

    def call(self, inputs):
        one, two = inputs
        if self.raw:
            two = two + 1.0
        one = self.shared(one)
        return self.head(one + self.shared(two) if self.siamese else self.shared(one))


def test_stages_of_a_residual_network_are_the_default():
    assert ManifoldMixup(residual()).mix_points == ["input", "1b", "2b", "3b"]


def test_integer_inputs_that_are_no_images_are_no_default():
    ids = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(9, 4, name="embedding")(ids)
    x = keras.layers.LSTM(4, return_sequences=True, name="one")(x)
    x = keras.layers.LSTM(4, return_sequences=True, name="two")(x)
    x = keras.layers.LSTM(4, name="three")(x)
    base = keras.Model(ids, keras.layers.Dense(3)(x))
    assert ManifoldMixup(base).mix_points == ["one", "two", "three"]
    masked = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(ids)
    masked = keras.layers.LSTM(4, return_sequences=True, name="one")(masked)
    base = keras.Model(ids, keras.layers.Dense(3)(keras.layers.LSTM(4, name="two")(masked)))
    assert ManifoldMixup(base).mix_points == ["embedding", "one", "two"]
    assert ManifoldMixup(residual("uint8")).mix_points[0] == "input"


def test_defaults_reach_into_nested_models():
    base = keras.Sequential([keras.Input((8, 8, 3)), small(name="inner"), keras.layers.Dense(3)])
    assert ManifoldMixup(base).mix_points == ["input", "inner/conv", "inner/flat", "inner"]


def test_defaults_of_a_subclassed_model_are_what_it_holds():
    assert ManifoldMixup(Twice(siamese=True)).mix_points == ["input", "shared"]


@pytest.mark.parametrize("model", [ManifoldMixup, MixingModel])
def test_mix_points_and_mixers_in_the_model_are_the_places(model):
    assert model(small(MixPoint(name="here"))).mix_points == ["here"]
    found = model(small(MixPoint(name="here"), CutMix(name="cut")))
    assert [name for name, _ in found.choices] == ["here", "cut"]
    assert found.choices[0][1] is None
    assert isinstance(found.choices[1][1], CutMix)
    assert model(small(MixPoint(name="here")), mix_at=["conv"]).mix_points == ["conv"]


def test_a_place_is_named_in_many_ways():
    inner = small(name="inner")
    base = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Dense(3, name="last")])
    conv = inner.get_layer("conv")
    for entry in ("inner/conv", "conv", conv):
        assert ManifoldMixup(base, mix_at=[entry]).mix_points == ["inner/conv"]
    assert ManifoldMixup(base, mix_at=[0, -1]).mix_points == ["inner", "last"]
    assert ManifoldMixup(base, mix_at=["input", ("conv", "last")]).mix_points == [
        "input",
        ("inner/conv", "last"),
    ]


def named_twice():
    return keras.Sequential([keras.Input((8, 8, 3)), small(name="a"), small2(name="b")])


def small2(name):
    layers = [keras.layers.Dense(4, name="conv"), keras.layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((3,)), *layers], name=name)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (["stage1_conf"], r"must name layers of .* Received: 'stage1_conf'. Similar names"),
        (["convv"], r"Similar names: \['conv'\]"),
        ([], "at least one mix point. Received: mix_at=\\[\\]"),
        ("conv", r"must be a list .*Did you mean mix_at=\['conv'\]\?"),
        (MixUp(), r"must be a list .*Did you mean mixer=MixUp\(\)\?"),
        (1.0, r"must be a list .*Did you mean alpha=1.0\?"),
        (1, r"must be a list .*Did you mean mix_at=\[1\], or alpha=1\?"),
        ([7], "between -3 and 2. Received: 7"),
        ([keras.layers.Dense(2)], "must belong to the model"),
        ([2.5], "names, paths, indices or layers"),
        ([True], "names, paths, indices or layers"),
    ],
)
def test_layers_that_are_not_there(layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        ManifoldMixup(small(), mix_at=layers)


def test_an_ambiguous_name_asks_for_a_path():
    with pytest.raises(ValueError, match=r"several layers .* \['a/conv', 'b/conv'\]"):
        ManifoldMixup(named_twice(), mix_at=["conv"])


def recurrent(**options):
    layers = [keras.layers.Embedding(9, 4, name="embedding")]
    cell = keras.layers.RNN(keras.layers.LSTMCell(4, name="cell"), name="rnn", **options)
    return keras.Sequential([keras.Input(batch_shape=(6, 5), dtype="int32"), *layers, cell])


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ManifoldMixup(keras.layers.Dense(3)), "must be a Keras model"),
        (lambda: ManifoldMixup(recurrent(stateful=True)), "stateful=True. Make it stateless"),
        (
            lambda: ManifoldMixup(recurrent(), mix_at=["cell"]),
            "called at every step. .* Name 'rnn'",
        ),
        (lambda: ManifoldMixup(ManifoldMixup(small())), "must not be or contain a mixing model"),
        (lambda: ManifoldMixup(OwnStep([keras.layers.Dense(3)])), "must not define `train_step`"),
        (lambda: MixingModel(small(), mixer=MixUp(label_mode="union")), "cannot be a union"),
        (
            lambda: MixingModel(small(), mixer=[MixUp(label_smoothing=0.1), CutMix()]),
            "must have the same `label_smoothing`",
        ),
        (lambda: MixingModel(small(), mixer=keras.layers.Dense(3)), "a layer of keras_mix.layers"),
        (
            lambda: MixingModel(small(), mixer=[CutMix(), MixUp()], alpha=1.0),
            "Pass it to each mixer",
        ),
        (lambda: MixingModel(small(), alpha=-1.0), "`alpha` must be"),
        (lambda: MixingModel(small(), rate=2), "`rate` must be"),
        (lambda: MixingModel(small(), per="row"), "`per` must be one of"),
        (lambda: MixingModel(small(), loss_mode="both"), "`loss_mode` must be one of"),
        (
            lambda: MixingModel(small(), mixer=CutMix(), mix_at=[("conv", "flat")]),
            "cannot cover layers of diff",
        ),
        (lambda: MixingModel(small()).compile("sgd"), "`compile` needs a loss"),
        (lambda: MixingModel(small()).compile("sgd", [None]), "`compile` needs a loss"),
    ],
)
def test_what_cannot_be_wrapped(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


class Lazy(keras.Model):
    """Holds a layer that it does not call, and one that gives integers."""

    def __init__(self):
        super().__init__()
        self.unused = keras.layers.Dense(3, name="unused")
        self.bins = keras.layers.Discretization([0.0], name="bins")
        self.head = keras.layers.Dense(3, name="head")

    def call(self, inputs):
        return self.head(keras.ops.cast(self.bins(inputs), "float32"))


# Keras's own warning of a layer that a model does not call.
@pytest.mark.filterwarnings("ignore:`build..` was called on layer:UserWarning")
@pytest.mark.parametrize(
    ("base", "layers", "sentence"),
    [
        (Lazy, ["unused"], "`unused`, which was not called"),
        (Lazy, ["bins"], "`bins` holds integers or booleans.*name the embedding"),
        (lambda: recurrent(), ["input"], "`input` holds integers.*name the embedding"),
    ],
)
def test_places_that_cannot_be_mixed(base, layers, sentence):
    model = ManifoldMixup(base(), mix_at=layers)
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.ones((6, 5), "int32" if layers == ["input"] else "float32")
    with pytest.raises(ValueError, match=sentence):
        model.train_on_batch(x, np.zeros((6, 3), "float32"))
    assert not any("call" in layer.__dict__ for layer in model.base._flatten_layers())


def test_labels_of_another_batch():
    model = MixingModel(small())
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model(X, training=True)
    with pytest.raises(ValueError, match="4 labels beside 6 samples"):
        model.compute_loss(X, tf.constant(IDS[:4]), model.base(X), training=True)


def trained(base, x, y=None, **options):
    model = ManifoldMixup(base, per="sample", **options)
    model.compile("sgd", "mse", run_eagerly=True)
    y = np.zeros((6, 3), "float32") if y is None else y
    return model, model.train_on_batch(x, y)


def test_a_layer_called_on_two_inputs_is_mixed_on_both_paths(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.25)
    one, two = np.random.default_rng(1).normal(size=(2, 6, 5)).astype("float32")
    base = Twice(siamese=True)
    base([one, two])
    mixed = mixed_by(base.shared(one).numpy() + base.shared(two).numpy(), PARTNERS, 0.25)
    expected = base.head(mixed.astype("float32")).numpy()
    _, loss = trained(base, [one, two], mix_at=["shared"])
    assert loss == pytest.approx((expected**2).mean(), rel=1e-5)


def test_a_layer_called_on_its_own_output_is_mixed_once(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.25)
    one, two = np.random.default_rng(1).normal(size=(2, 6, 4)).astype("float32")
    base = Twice(siamese=False)
    base([one, two])
    mixed = mixed_by(base.shared(one).numpy(), PARTNERS, 0.25).astype("float32")
    expected = base.head(base.shared(mixed)).numpy()
    _, loss = trained(base, [one, two], mix_at=["shared"])
    assert loss == pytest.approx((expected**2).mean(), rel=1e-5)


def test_what_cannot_be_seen_is_refused():
    x = np.ones((6, 5), "float32")
    with pytest.raises(ValueError, match=r"it must be known whether .*\.MixPoint"):
        trained(Twice(siamese=True, raw=True), [x, x], mix_at=["shared"])


def test_a_mixer_in_the_model_mixes_in_the_wrapper_alone(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.25)
    recorder = Recorder(X.shape)
    base = small(MixUp(alpha=8.0, name="mix"), recorder)
    np.testing.assert_array_equal(base.predict(X, verbose=0), base(X))
    _, _ = trained(base, X, mix_at=["conv"])
    np.testing.assert_array_equal(recorder.seen, X)
    model = MixingModel(base)
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(X, np.zeros((6, 3), "float32"))
    assert np.abs(recorder.seen - X).max() > 0.1


def test_ways_around_a_place_are_warned_of():
    base = residual()
    with pytest.warns(UserWarning, match=r"bypass `1a_conv` and stay unmixed, .* in one tuple"):
        ManifoldMixup(base, mix_at=["1a_conv"])
    ManifoldMixup(base, mix_at=["1a", ("1b_conv", "1b_skip"), "pool"])
    outer = keras.Sequential([keras.Input((8, 8, 3)), residual(), keras.layers.Dense(2)])
    with pytest.warns(UserWarning, match="bypass `functional.*/2a_norm`"):
        ManifoldMixup(outer, mix_at=["2a_norm", "2a"])
    # The last layer of a model inside gives out all that the model does.
    inner = small(name="inner")
    base = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Dense(3)])
    last = f"inner/{inner.layers[-1].name}"
    assert ManifoldMixup(base, mix_at=[last, "inner"]).mix_points == [last, "inner"]


class OwnBlock(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inside = keras.layers.Dense(8, name="inside")

    def call(self, inputs):
        return inputs + self.inside(inputs)


def two_branches(one, two):
    inputs = [keras.Input((5, 8)), keras.Input((5, 8))]
    joined = keras.layers.Add()([one(inputs[0]), two(inputs[1])])
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(joined)))


def siamese(layer):
    return two_branches(layer, layer)


def inner_model():
    inside = keras.Input((5, 8))
    outputs = keras.layers.Dense(4)(keras.layers.Dense(4, name="first")(inside))
    return keras.Model(inside, outputs, name="inner")


@pytest.mark.parametrize(
    ("base", "entry"),
    [
        (lambda: siamese(keras.layers.Dense(4, name="shared")), "shared"),
        (lambda: siamese(inner_model()), "inner"),
        (lambda: siamese(inner_model()), "inner/first"),
        (lambda: two_branches(inner_model(), keras.layers.Dense(4, name="d")), ("first", "d")),
        (
            lambda: two_branches(inner_model(), keras.layers.Dense(4)),
            ("inner/first", "input/1"),
        ),
        (
            lambda: siamese(
                keras.layers.TimeDistributed(keras.layers.Dense(4, name="d"), name="steps")
            ),
            "steps/d",
        ),
    ],
)
def test_data_that_pass_a_mix_point_at_several_calls_or_layers_are_not_warned_of(
    recwarn, base, entry
):
    MixingModel(base(), mix_at=[entry])
    assert not [warned for warned in recwarn if "stay unmixed" in str(warned.message)]


@pytest.mark.parametrize(
    ("base", "entry", "warning"),
    [
        (lambda: two_branches(inner_model(), keras.layers.Dense(4)), "inner/first", "data bypass"),
        (
            lambda: two_branches(inner_model(), residual_of_vectors()),
            ("inner/first", "skipped"),
            "data bypass",
        ),
        (lambda: siamese(OwnBlock(name="block")), "block/inside", "data may bypass"),
    ],
)
def test_data_that_bypass_one_of_several_calls_or_layers_are_warned_of(base, entry, warning):
    with pytest.warns(UserWarning, match=f"{warning} .* and stay unmixed"):
        MixingModel(base(), mix_at=[entry])


def residual_of_vectors():
    inputs = keras.Input((5, 8))
    skipped = keras.layers.Dense(8, name="skipped")(inputs)
    outputs = keras.layers.Add()([inputs, skipped])
    return keras.Model(inputs, keras.layers.Dense(4)(outputs), name="residual")


class TwoOfAName(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = (keras.layers.Dense(3, name="x") for _ in range(2))

    def call(self, inputs):
        return self.two(self.one(inputs))


def test_layers_of_one_name_are_numbered():
    base = TwoOfAName()
    assert ManifoldMixup(base, mix_at=[base.one, base.two]).mix_points == ["x", "x#2"]
