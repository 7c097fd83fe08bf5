"""Masks are mixed where the data they belong to were, in every kind of model."""

import keras
import numpy as np
import pytest
from keras import ops
from models import MaskProbe, fix_draws, mixed_by

from keras_mix.models import ManifoldMixup

pytestmark = pytest.mark.slow

IDS = np.array([[5, 2, 0, 0], [1, 0, 0, 0], [3, 4, 5, 0], [2, 2, 2, 2]])
OTHER = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]])
PARTNERS = [1, 2, 3, 0]
RATIO = np.array([0.5, 0.5, 1.0, 0.5], "float32")
RAW = IDS != 0
UNION = RAW | (RAW[PARTNERS] & (RATIO < 1)[:, None])


def embedding(name="embedding", mask_zero=True):
    return keras.layers.Embedding(6, 8, mask_zero=mask_zero, name=name)


def probe(name):
    return MaskProbe(IDS.shape, name=name)


def lstm(name):
    return keras.layers.LSTM(8, return_sequences=True, name=name)


def sequential():
    return keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            embedding(),
            probe("before"),
            lstm("place"),
            keras.layers.Dropout(0.1),
            probe("after"),
            lstm("later"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2),
        ]
    )


def functional():
    ids = keras.Input((4,), dtype="int32")
    x = lstm("place")(probe("before")(embedding()(ids)))
    x = probe("after")(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    x = keras.layers.GlobalAveragePooling1D()(lstm("later")(x))
    return keras.Model(ids, keras.layers.Dense(2)(x))


class Subclassed(keras.Model):
    """Masks ride on the tensors, through operations of Keras and layers."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding()
        self.before, self.after = probe("before"), probe("after")
        self.place, self.later = lstm("place"), lstm("later")
        self.pool, self.dense = keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)

    def call(self, ids):
        x = self.place(self.before(self.embedding(ids)))
        return self.dense(self.pool(self.later(self.after(x))))


class Block(keras.layers.Layer):
    """Hands its own mask on to what it is made of."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs, padding_mask=None):
        x = inputs
        for layer in self.inner:
            x = layer(x * 1.0, mask=padding_mask)
        return x


class Explicit(keras.Model):
    """Masks are computed from the ids and handed to the layers by name."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding(mask_zero=False)
        self.first = Block([probe("before"), lstm("one")], name="place")
        self.second = Block([probe("after"), lstm("later")], name="second")
        self.dense = keras.layers.Dense(2)

    def call(self, ids):
        mask = ops.not_equal(ids, 0)
        x = self.first(self.embedding(ids), padding_mask=mask)
        x = self.second(x + 1.0, padding_mask=mask)
        return self.dense(ops.mean(x, axis=1))


KINDS = [sequential, functional, Subclassed, Explicit]


def trained(base, layers, ids=IDS, **options):
    model = ManifoldMixup(base, mix_at=layers, per="sample", **options)
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(ids, np.zeros((4, 2), "float32"))
    return model


def layer(base, name):
    return next(x for x in base._flatten_layers() if x.name == name)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_after_the_place_see_the_union(monkeypatch, kind):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    base = kind()
    trained(base, ["place"])
    np.testing.assert_array_equal(layer(base, "before").mask, RAW)
    np.testing.assert_array_equal(layer(base, "after").mask, UNION)


@pytest.mark.parametrize("kind", KINDS)
def test_the_embedding_is_a_place(monkeypatch, kind):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    base = kind()
    trained(base, ["embedding"])
    np.testing.assert_array_equal(layer(base, "before").mask, UNION)
    np.testing.assert_array_equal(layer(base, "after").mask, UNION)


EAGERLY, IN_A_GRAPH = {"run_eagerly": True}, {"jit_compile": False}


@pytest.mark.parametrize(
    ("kind", "chosen", "mode"),
    [
        *((kind, chosen, EAGERLY) for kind in KINDS for chosen in (0, 1)),
        (functional, 0, IN_A_GRAPH),
        (Subclassed, 1, IN_A_GRAPH),
    ],
)
def test_only_what_follows_the_chosen_place_changes(monkeypatch, kind, chosen, mode):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    base = kind()
    model = ManifoldMixup(base, mix_at=["embedding", "place"], per="sample")
    model.dials.probabilities = np.eye(2)[chosen]
    model.compile("sgd", "mse", **mode)
    model.train_on_batch(IDS, np.zeros((4, 2), "float32"))
    np.testing.assert_array_equal(layer(base, "before").mask, RAW if chosen else UNION)
    np.testing.assert_array_equal(layer(base, "after").mask, UNION)


def test_a_mask_that_two_branches_share_is_mixed_in_one_of_them(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    ids = keras.Input((4,), dtype="int32")
    x = embedding()(ids)
    mixed = probe("mixed")(lstm("place")(x))
    plain = probe("plain")(lstm("other")(x))
    pool = keras.layers.GlobalAveragePooling1D
    x = keras.layers.Concatenate()([pool(name="a")(mixed), pool(name="b")(plain)])
    base = keras.Model(ids, keras.layers.Dense(2)(x))
    with pytest.warns(UserWarning, match="bypass `place`"):
        trained(base, ["place"])
    np.testing.assert_array_equal(layer(base, "mixed").mask, UNION)
    np.testing.assert_array_equal(layer(base, "plain").mask, RAW)


def test_both_encoders_of_a_pair_are_mixed_by_one_plan(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    one, two = (keras.Input((4,), dtype="int32", name=name) for name in ("one", "two"))
    a = probe("after_a")(lstm("a")(embedding("embedding_a")(one)))
    b = probe("after_b")(lstm("b")(embedding("embedding_b")(two)))
    pool = keras.layers.GlobalAveragePooling1D
    x = keras.layers.Concatenate()([pool(name="pool_a")(a), pool(name="pool_b")(b)])
    base = keras.Model([one, two], keras.layers.Dense(2)(x))
    model = trained(base, [("a", "b")], [IDS, OTHER])
    assert model.mix_points == [("a", "b")]
    np.testing.assert_array_equal(layer(base, "after_a").mask, UNION)
    other = OTHER != 0
    union = other | (other[PARTNERS] & (RATIO < 1)[:, None])
    np.testing.assert_array_equal(layer(base, "after_b").mask, union)


def test_metrics_of_a_sequence_take_the_mask_of_the_dominant_source(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.25)
    base = keras.Sequential(
        [keras.Input((4,), dtype="int32"), embedding(), keras.layers.Dense(1, name="dense")]
    )
    model = ManifoldMixup(base, mix_at=["embedding"], per="sample")
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    kernel, bias = base.get_layer("dense").get_weights()
    vectors = base.get_layer("embedding").get_weights()[0][IDS]
    predicted = ((0.25 * vectors + 0.75 * vectors[PARTNERS]) @ kernel + bias)[..., 0]
    y = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    weights = np.ones((4, 4), "float32")
    logs = model.train_on_batch(IDS, y[..., None], weights, return_dict=True)
    expected = np.abs(predicted - y[PARTNERS])[RAW[PARTNERS]].mean()
    assert logs["mae"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_a_sequence_takes_each_sources_own_mask(monkeypatch):
    """Padding of one source is no label, though the other goes on."""
    fix_draws(monkeypatch, PARTNERS, 0.25)
    base = keras.Sequential(
        [keras.Input((4,), dtype="int32"), embedding(), keras.layers.Dense(1, name="dense")]
    )
    model = ManifoldMixup(base, mix_at=["embedding"], per="sample")
    model.compile("sgd", keras.losses.MeanSquaredError(reduction="sum"))
    kernel, bias = base.get_layer("dense").get_weights()
    vectors = base.get_layer("embedding").get_weights()[0][IDS]
    predicted = ((0.25 * vectors + 0.75 * vectors[PARTNERS]) @ kernel + bias)[..., 0]
    y = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    expected = 0.25 * ((predicted - y) ** 2)[RAW].sum()
    expected += 0.75 * ((predicted - y[PARTNERS]) ** 2)[RAW[PARTNERS]].sum()
    assert model.train_on_batch(IDS, y[..., None]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("kind", "jit_compile"), [(functional, True), (Explicit, False)])
def test_without_mixing_masked_models_train_as_plain(kind, jit_compile):
    weights = []
    for wrap in (False, True):
        keras.utils.set_random_seed(5)
        base = kind()
        base(IDS)
        model = ManifoldMixup(base, mix_at=["embedding", "place"], rate=0.0) if wrap else base
        model.compile("sgd", "mse", jit_compile=jit_compile)
        for _ in range(3):
            model.train_on_batch(IDS, np.ones((4, 2), "float32"))
        weights.append([w.numpy() for w in base.trainable_weights])
    for plain, mixed in zip(*weights, strict=True):
        np.testing.assert_allclose(mixed, plain, rtol=1e-5, atol=1e-7)


class Encoder(keras.layers.Layer):
    """Makes a mask of its own, which Keras could not compute from its inputs'."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding()

    def call(self, ids):
        return self.embedding(ids)


class Encoding(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.after = Encoder(name="place"), probe("after")
        self.dense = keras.layers.Dense(2)

    def call(self, ids):
        return self.dense(ops.mean(self.after(self.encoder(ids)), axis=1))


@pytest.mark.parametrize("chosen", [0, 1])
def test_a_place_that_makes_a_mask_keeps_it(monkeypatch, chosen):
    fix_draws(monkeypatch, PARTNERS, RATIO)
    base = Encoding()
    base(IDS)
    model = ManifoldMixup(base, mix_at=["place", "after"], per="sample")
    model.dials.probabilities = np.eye(2)[chosen]
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(IDS, np.zeros((4, 2), "float32"))
    np.testing.assert_array_equal(base.after.mask, RAW if chosen else UNION)


class Causal(keras.Model):
    """Attention with a mask [T, T] for all samples, of which there are as many."""

    def __init__(self):
        super().__init__()
        self.place = keras.layers.Dense(8, name="place")
        self.attention = keras.layers.MultiHeadAttention(2, 4)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        x = self.place(inputs)
        x = self.attention(x, x, attention_mask=ops.tril(ops.ones((4, 4))))
        return self.dense(ops.mean(x, axis=1))


def test_a_causal_mask_is_no_mask_of_samples(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, 0.25)
    base = Causal()
    x = np.random.default_rng(0).normal(size=(4, 4, 8)).astype("float32")
    base(x)
    mixed = mixed_by(base.place(x).numpy(), PARTNERS, 0.25).astype("float32")
    attended = base.attention(mixed, mixed, attention_mask=np.tril(np.ones((4, 4))))
    expected = base.dense(ops.mean(attended, axis=1)).numpy()
    model = ManifoldMixup(base, mix_at=["place"], per="sample")
    model.compile("sgd", "mse", run_eagerly=True)
    loss = model.train_on_batch(x, np.zeros((4, 2), "float32"))
    assert loss == pytest.approx((expected**2).mean(), rel=1e-5)
