"""Distillation: a student that predicts what a frozen teacher does on the same mixtures."""

import keras
import numpy as np
import pytest
from models import fix_draws, mixed_by, one_step

from keras_mix.layers import CutMix, MixUp
from keras_mix.losses import DecoupleMixLoss
from keras_mix.models import Distillation, MixingModel, TestTimeAugmentation

pytestmark = pytest.mark.slow

B, K = 6, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, 4)).astype("float32")
IDS = np.array([0, 2, 1, 1, 0, 2])
WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0, 3.0, 1.5], "float32")
PARTNERS, LAM = [3, 0, 1, 4, 4, 2], np.array([0.7, 0.1, 1.0, 0.5, 0.25, 0.0])
SPARSE = keras.losses.SparseCategoricalCrossentropy


def linear(activation=None, seed=1, units=K, inputs=4):
    """One layer from numbers to the classes."""
    start = keras.initializers.RandomNormal(stddev=0.5, seed=seed)
    layer = keras.layers.Dense(units, activation, kernel_initializer=start)
    return keras.Sequential([keras.Input((inputs,)), layer])


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def by_hand(student, teacher, weight, temperature, sample_weight):
    """The loss of linear models and the gradients of the student's kernel and bias, in float64."""
    mixed = mixed_by(X, PARTNERS, LAM)
    (kernel, bias), (own_kernel, own_bias) = student.get_weights(), teacher.get_weights()
    z, v = mixed @ kernel + bias, mixed @ own_kernel + own_bias
    loss, gradient = 0.0, np.zeros_like(z)
    for i in range(B):
        p, q = softmax(v[i] / temperature), softmax(z[i] / temperature)
        counts = LAM[i] * sample_weight[i] + (1 - LAM[i]) * sample_weight[PARTNERS[i]]
        loss += weight * temperature**2 * counts * (p * np.log(p / q)).sum() / B
        gradient[i] += weight * temperature * counts * (q - p) / B
        for source, share in ((i, LAM[i]), (PARTNERS[i], 1 - LAM[i])):
            share = (1 - weight) * share * sample_weight[source] / B
            loss -= share * np.log(softmax(z[i])[IDS[source]])
            gradient[i] += share * (softmax(z[i]) - np.eye(K)[IDS[source]])
    return loss, [mixed.T @ gradient, gradient.sum(0)]


@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample weights"])
@pytest.mark.parametrize(("weight", "temperature"), [(1.0, 1.0), (0.7, 3.0)])
@pytest.mark.parametrize("form", ["logits", "probabilities", "probabilities of logits"])
def test_loss_and_gradients(monkeypatch, form, weight, temperature, weighted):
    fix_draws(monkeypatch, PARTNERS, LAM)
    student_logits, teacher_logits = form == "logits", form != "probabilities"
    teacher = linear(None if teacher_logits else "softmax", seed=2)
    model = Distillation(
        linear(None if student_logits else "softmax"),
        teacher=teacher,
        temperature=temperature,
        teacher_weight=weight,
        from_logits=student_logits,
        teacher_from_logits=teacher_logits,
        per="sample",
    )
    model.compile("sgd", SPARSE(from_logits=student_logits))
    weights = WEIGHTS if weighted else np.ones(B, "float32")
    loss, gradients = by_hand(model.base, teacher, weight, temperature, weights)
    found, changes = one_step(model, X, IDS, weights if weighted else None)
    assert found == pytest.approx(loss, rel=1e-4)
    for change, gradient in zip(changes, gradients, strict=True):
        np.testing.assert_allclose(change, gradient, rtol=1e-4, atol=1e-5)


def test_a_single_sigmoid_is_of_two_classes(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, LAM)
    teacher, student = linear("sigmoid", 2, units=1), linear("sigmoid", units=1)
    model = Distillation(student, teacher=teacher, temperature=2.0, per="sample")
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    found = model.train_on_batch(X, (IDS > 0)[:, None].astype("float32"))
    mixed = mixed_by(X, PARTNERS, LAM)
    z, v = (mixed @ m.get_weights()[0] + m.get_weights()[1] for m in (student, teacher))
    q, p = (1 / (1 + np.exp(-logits / 2)) for logits in (z, v))
    expected = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert found == pytest.approx(4 * expected.mean(), rel=1e-4)


class Penalized(keras.layers.Layer):
    """The identity, which adds to the loss and counts its calls."""

    def build(self, shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1.0)
        self.add_loss(keras.ops.sum(inputs**2))
        return inputs


def stateful_teacher():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, kernel_regularizer="l2"),
            keras.layers.BatchNormalization(momentum=0.1),
            keras.layers.Dropout(0.9),
            Penalized(),
            keras.layers.Dense(K, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("compiles", [False, True], ids=["", "XLA"])
def test_nothing_of_the_teacher_changes(compiles):
    teacher = stateful_teacher()
    before, trainable = teacher.get_weights(), len(teacher.trainable_weights)
    model = Distillation(teacher=teacher, model=linear("softmax"), alpha=0.0)
    model.compile("adam", SPARSE(), jit_compile=compiles)
    losses = model.fit(X, IDS, epochs=30, batch_size=B, verbose=0).history["loss"]
    assert 0 < losses[-1] < losses[0]
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert len(teacher.trainable_weights) == trainable
    assert [id(w) for w in model.trainable_variables] == [id(w) for w in model.base.weights]
    assert {id(w) for w in model.weights} > {id(w) for w in teacher.weights}
    assert len(model.trainable_weights) + len(model.non_trainable_weights) == len(model.weights)
    # The penalties of the teacher are no loss: without mixing, all that is left is a divergence.
    p, q = (each.predict(X, verbose=0).astype("float64") for each in (teacher, model.base))
    model.optimizer.learning_rate = 0.0
    found = model.train_on_batch(X, IDS)
    assert found == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-3)


def segmenter(seed):
    start = keras.initializers.RandomNormal(stddev=0.5, seed=seed)
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(K, 3, padding="same", kernel_initializer=start)(inputs)
    pixels = keras.layers.Softmax(name="pixels")(x)
    whole = keras.layers.Dense(K, "softmax", kernel_initializer=start, name="whole")
    return keras.Model(inputs, {"pixels": pixels, "whole": whole(keras.ops.mean(x, axis=(1, 2)))})


def test_heads_and_pixels_under_a_mixer_that_cuts():
    """Twice the same network: only the labels' loss is left, at its weight."""
    images = RNG.normal(size=(B, 8, 8, 2)).astype("float32")
    y = {"pixels": RNG.integers(0, K, (B, 8, 8)), "whole": IDS}
    options = {"mixer": [CutMix(), MixUp(1.0)], "seed": 5}
    student, twin, other = segmenter(1), segmenter(1), segmenter(2)

    def step(model):
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        weights = dict.fromkeys(y, WEIGHTS)
        return model.train_on_batch(images, y, weights, return_dict=True)

    labels = step(MixingModel(student, **options))
    same = step(Distillation(student, teacher=twin, teacher_weight=0.25, **options))
    taught = step(Distillation(student, teacher=other, teacher_weight=0.25, **options))
    for name in ("loss", "pixels_loss", "whole_loss"):
        assert same[name] == pytest.approx(0.75 * labels[name], rel=1e-4)
        assert taught[name] > same[name] + 1e-4


def test_single_inputs_reach_the_teacher_mixed(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, LAM)

    def pair(seed):
        inputs = {name: keras.Input((4,), name=name) for name in "ab"}
        dense = keras.layers.Dense(
            K, "softmax", kernel_initializer=keras.initializers.RandomNormal(seed=seed)
        )
        return keras.Model(inputs, dense(keras.layers.Concatenate()([inputs["a"], inputs["b"]])))

    student, teacher = pair(1), pair(2)
    model = Distillation(student, teacher=teacher, mix_at=[("input/a", "input/b")], per="sample")
    model.compile(keras.optimizers.SGD(0.0), SPARSE())
    found = model.train_on_batch({"a": X, "b": X[::-1].copy()}, IDS)
    mixed = np.concatenate([mixed_by(each, PARTNERS, LAM) for each in (X, X[::-1])], axis=1)
    q, p = (softmax(mixed @ m.get_weights()[0] + m.get_weights()[1]) for m in (student, teacher))
    assert found == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-4)


def test_a_saved_model_has_its_teacher_and_trains_on(tmp_path):
    teacher = stateful_teacher()
    model = Distillation(
        linear("softmax"), teacher=teacher, temperature=2.0, teacher_weight=0.5, alpha=0.3
    )
    model.compile("adam", SPARSE(), metrics=["accuracy"])
    model.fit(X, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    objects = {"Penalized": Penalized}
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=objects)
    assert (loaded.temperature, loaded.teacher_weight, loaded.dials.alpha) == (2.0, 0.5, 0.3)
    for old, new in zip(teacher.get_weights(), loaded.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.base.predict(X, verbose=0))
    loaded.dials.rate = model.dials.rate = 0.0
    losses = [each.fit(X, IDS, verbose=0).history["loss"] for each in (loaded, model)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Distillation(linear(), teacher="best"), "the teacher must be a Keras model"),
        (lambda: Distillation(linear(), teacher=keras.Sequential()), "it must have weights"),
        (
            lambda: Distillation(linear(), teacher=linear(units=4)),
            r"must have the structure and the shapes .* \(B, 4\) of the teacher and \(B, 3\)",
        ),
        (lambda: Distillation(linear()), "`teacher` must be given"),
        (
            lambda: Distillation(linear(), teacher=linear(inputs=5), from_logits=True),
            r"the teacher must take the student's inputs.*\(B, 5\) of the teacher and \(B, 4\)",
        ),
        (
            lambda: Distillation(linear("softmax"), teacher=linear()),
            r"`teacher_from_logits` must say .* Pass teacher_from_logits=True",
        ),
        (
            lambda: Distillation(linear("softmax"), teacher=linear(), from_logits=True),
            "whose activation is softmax. Pass from_logits=False",
        ),
        (
            lambda: Distillation(linear("softmax"), teacher=linear("softmax"), mix_at=[0]),
            "mix points must be inputs",
        ),
        (
            lambda: Distillation(linear(), teacher=linear(), temperature=0),
            "`temperature` must be a finite number above 0",
        ),
        (
            lambda: Distillation(linear(), teacher=linear(), teacher_weight=0.0),
            "`teacher_weight` must be a finite number above 0",
        ),
    ],
)
def test_what_it_refuses(make, sentence):
    with pytest.raises(ValueError, match=rf"^Distillation: .*{sentence}"):
        make()


def test_shared_weights_are_refused():
    student = linear("softmax")
    around = keras.Sequential([keras.Input((4,)), student])
    for teacher in (student, around):
        with pytest.raises(ValueError, match="they must share no weights"):
            Distillation(student, teacher=teacher)


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (SPARSE(from_logits=True), "`from_logits` must be that of the loss"),
        (DecoupleMixLoss(from_logits=True), "`from_logits` must be that of the loss"),
        ("mse", "of a single one only under a binary cross-entropy"),
    ],
)
def test_losses_that_it_refuses(loss, sentence):
    units = 1 if loss == "mse" else K
    model = Distillation(linear("relu", units=units), teacher=linear("relu", 2, units=units))
    model.compile("sgd", loss, run_eagerly=True)
    with pytest.raises(ValueError, match=sentence):
        model.train_on_batch(X, IDS)


def test_a_name_of_a_loss_means_probabilities():
    model = Distillation(linear(), teacher=linear(seed=2), from_logits=True)
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    with pytest.raises(ValueError, match=r"from_logits=True, and from_logits=False of the loss"):
        model.train_on_batch(X, IDS)


def in_half_precision(activation):
    """Keras's idiom: the last layer but one is in float16, its values in float32."""
    inputs = keras.Input((4,))
    x = keras.layers.Dense(K, activation, dtype="mixed_float16")(inputs)
    x = keras.layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, keras.ops.cast(x, "float32"))


def test_activations_are_found_behind_casts():
    for activation, logits in (("softmax", False), (None, True)):
        networks = in_half_precision(activation), in_half_precision(activation)
        Distillation(networks[0], teacher=networks[1], from_logits=logits)
        with pytest.raises(ValueError, match=f"Pass from_logits={logits}"):
            Distillation(networks[0], teacher=networks[1], from_logits=not logits)


def two_heads(seed):
    inputs = keras.Input((4,))
    start = keras.initializers.RandomNormal(seed=seed)
    hidden = keras.layers.Dense(K, kernel_initializer=start)(inputs)
    return keras.Model(inputs, {"classes": keras.layers.Softmax()(hidden), "hidden": hidden})


def test_heads_without_a_loss_may_give_anything():
    model = Distillation(two_heads(1), teacher=two_heads(2), alpha=0.0)
    model.compile(keras.optimizers.SGD(0.0), {"classes": SPARSE()}, run_eagerly=True)
    q, p = (each.predict(X, verbose=0)["classes"] for each in (model.base, model.teacher))
    found = model.train_on_batch(X, {"classes": IDS})
    assert np.ravel(found)[0] == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-4)
    model.compile("sgd", {"classes": SPARSE(), "hidden": DecoupleMixLoss()}, run_eagerly=True)
    with pytest.raises(ValueError, match=r"^Distillation: `from_logits` must hold .* is linear"):
        model.train_on_batch(X, {"classes": IDS, "hidden": IDS})


def test_a_teacher_of_random_views_draws_anew_in_each_step():
    views = [keras.layers.GaussianNoise(1.0)]
    teacher = TestTimeAugmentation(linear("softmax", 2), augmentations=views)
    model = Distillation(linear("softmax"), teacher=teacher, alpha=0.0)
    model.compile(keras.optimizers.SGD(0.0), SPARSE())
    losses = [model.train_on_batch(X, IDS) for _ in range(3)]
    assert len(set(losses)) == 3
