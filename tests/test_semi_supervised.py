"""Training on labeled and unlabeled batches: targets, losses and teachers, by numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import fix_draws, mixed_by

from keras_mix._core.draw import random
from keras_mix._core.ops import box_masks
from keras_mix.data import pair_with_unlabeled
from keras_mix.layers import CutMix
from keras_mix.models import CutMixConsistency, InterpolationConsistency, MixMatch

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X, IDS = RNG.normal(size=(3, 4)).astype("float32"), np.array([0, 2, 1])
U = RNG.normal(size=(2, 4)).astype("float32")
BATCH = {"labeled": X, "unlabeled": U}
ONE_HOT = np.eye(3)[IDS]


def linear(activation="softmax"):
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def predicted(x, weights):
    kernel, bias = weights
    return softmax(np.asarray(x, "float64") @ kernel + bias)


def of_double(model):
    return [weights.astype("float64") for weights in model.get_weights()]


def cross_entropy(labels, predictions):
    return -(labels * np.log(predictions)).sum(axis=-1)


def step(model, batch, y, rate=0.0, loss="sparse_categorical_crossentropy", **options):
    if not model.compiled:
        model.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True)
    return model.train_on_batch(batch, y, return_dict=True, **options)["loss"]


class Views(keras.layers.Layer):
    """Adds 0 to the first inputs that it is called on, 1 to the second and so on."""

    count = 0

    def call(self, inputs):
        self.count += 1
        return inputs + (self.count - 1.0)


PARTNERS, SHARES = [4, 0, 6, 5, 3, 2, 1], [0.9, 0.8, 0.7, 0.6, 0.55, 0.75, 1.0]


def mix_match_oracle(weights, guessing_weights, ramped, sample_weight):
    """The loss of MixMatch's step on `BATCH`, whose guesses are those of other weights."""
    views = [U + 1.0, U + 2.0]
    mean = sum(predicted(view, guessing_weights) for view in views) / 2
    guesses = mean**2 / (mean**2).sum(axis=1, keepdims=True)
    x = mixed_by(np.concatenate([X, *views]), PARTNERS, SHARES)
    labels = mixed_by(np.concatenate([ONE_HOT, guesses, guesses]), PARTNERS, SHARES)
    predictions = predicted(x, weights)
    labeled = np.mean(cross_entropy(labels[:3], predictions[:3]) * sample_weight)
    return labeled + ramped * np.mean((labels[3:] - predictions[3:]) ** 2)


@pytest.fixture
def mix_match(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, SHARES)
    return MixMatch(linear(), augmentation=Views(), unlabeled_weight=60.0, ramp_up=3)


def test_the_loss_of_mix_match_ramps_up(mix_match):
    weights, sample_weight = of_double(mix_match.base), np.array([1.0, 2.0, 0.5])
    for ramped in (0.0, 20.0, 40.0, 60.0, 60.0):
        mix_match.augmentation.count = 0
        loss = step(mix_match, BATCH, IDS, sample_weight=sample_weight)
        mix_match.reset_metrics()
        expected = mix_match_oracle(weights, weights, ramped, sample_weight)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_guesses_have_no_gradient(mix_match):
    mix_match._ramp_steps.assign(0.0)
    before = of_double(mix_match.base)
    step(mix_match, BATCH, IDS, rate=1.0)
    descended = [old - new for old, new in zip(before, of_double(mix_match.base), strict=True)]
    for index, array in enumerate(before):
        for place in np.ndindex(array.shape):
            losses = []
            for shift in (1e-5, -1e-5):
                moved = [each.copy() for each in before]
                moved[index][place] += shift
                losses.append(mix_match_oracle(moved, before, 60.0, 1.0))
            slope = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose(descended[index][place], slope, rtol=1e-3, atol=1e-4)


def test_batch_normalization_is_updated_once_by_the_whole_pool(monkeypatch):
    fix_draws(monkeypatch, PARTNERS, SHARES)
    base = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    step(MixMatch(base), BATCH, IDS)
    pool = mixed_by(np.concatenate([X, U, U]), PARTNERS, SHARES)
    np.testing.assert_allclose(base.layers[0].moving_mean, 0.1 * pool.mean(axis=0), rtol=1e-5)
    variance = 0.9 + 0.1 * pool.var(axis=0)
    np.testing.assert_allclose(base.layers[0].moving_variance, variance, rtol=1e-5)


@pytest.mark.parametrize("mix_labeled", [True, False])
def test_the_teacher_is_an_average_and_the_loss_interpolates_its_predictions(
    monkeypatch, mix_labeled
):
    partners, share = [1, 0], 0.7
    monkeypatch.setattr(
        random, "partners", lambda seed, pairing, size, *a, **k: tf.range(size)[::-1]
    )
    monkeypatch.setattr(random, "beta", lambda *args, **kwargs: tf.constant([share]))
    model = InterpolationConsistency(
        linear(), unlabeled_weight=40.0, ramp_up=4, teacher_decay=0.3, mix_labeled=mix_labeled
    )
    # Loaded after the teacher was made.
    teacher = [weights + 0.1 for weights in of_double(model.base)]
    model.base.set_weights(teacher)
    for number in range(6):
        weights, decay = of_double(model.base), min((1 + number) / (10 + number), 0.3)
        teacher = [decay * o + (1 - decay) * n for o, n in zip(teacher, weights, strict=True)]
        of_labeled = share if mix_labeled else 1.0
        labeled = cross_entropy(
            mixed_by(ONE_HOT, [2, 1, 0], of_labeled),
            predicted(mixed_by(X, [2, 1, 0], of_labeled), weights),
        )
        targets = mixed_by(predicted(U, teacher), partners, share)
        unlabeled = np.mean((predicted(mixed_by(U, partners, share), weights) - targets) ** 2)
        ramped = 40.0 * np.exp(-5 * (1 - min(number / 4, 1)) ** 2)
        loss = step(model, BATCH, IDS, rate=0.2)
        model.reset_metrics()
        np.testing.assert_allclose(loss, labeled.mean() + ramped * unlabeled, rtol=1e-4)
        for ours, expected in zip(of_double(model.teacher), teacher, strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(model.teacher.get_weights()[0], model.base.get_weights()[0])
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.teacher.predict(X, verbose=0))


IMAGES = RNG.normal(size=(4, 4, 4, 1)).astype("float32")
BOX = np.zeros((4, 4, 4), bool)
BOX[0, 1:3, :] = BOX[1, :3, 2:] = BOX[2] = True


def of_pixels(activation="softmax"):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Dense(3, activation=activation, kernel_initializer="normal"),
        ]
    )


@pytest.mark.parametrize("threshold", [0.0, 0.6, 1.0])
def test_maps_of_predictions_are_cut_like_the_images(monkeypatch, threshold):
    partners = [1, 2, 3, 0]
    fix_draws(monkeypatch, partners, 1.0)
    monkeypatch.setattr(box_masks, "draw", lambda *args: tf.constant(BOX))
    model = CutMixConsistency(
        of_pixels(), threshold=threshold, unlabeled_weight=5.0, teacher_decay=1.0
    )
    model.base.set_weights([np.array([[1.0, -0.5, 0.2]]), np.zeros(3)])
    weights = of_double(model.base)
    # A teacher that keeps weights of its own.
    model._steps.assign(10**6)
    model.teacher.set_weights([np.array([[-1.0, 2.0, 0.5]]), np.zeros(3)])
    images, masks = IMAGES[:2] + 1.0, RNG.integers(0, 3, (2, 4, 4))
    loss = step(model, {"labeled": images, "unlabeled": IMAGES}, masks)
    labeled = cross_entropy(np.eye(3)[masks], predicted(images, weights)).mean()
    taught = predicted(IMAGES, of_double(model.teacher))
    confident = taught.max(axis=-1) >= threshold
    mixed = np.where(BOX[..., None], IMAGES[partners], IMAGES)
    targets = np.where(BOX[..., None], taught[partners], taught)
    errors = ((predicted(mixed, weights) - targets) ** 2).sum(axis=-1)
    share = np.where(BOX, confident[partners], confident).mean()
    assert share == {0.0: 1.0, 1.0: 0.0}.get(threshold, share)
    assert threshold != 0.6 or 0 < share < 1
    np.testing.assert_allclose(loss, labeled + 5.0 * errors.mean() * share, rtol=1e-4)


def test_predictions_of_whole_images_are_weighted_by_pixels(monkeypatch):
    partners, share = np.array([1, 2, 3, 0]), BOX.mean(axis=(1, 2))
    fix_draws(monkeypatch, partners, 1.0)
    monkeypatch.setattr(box_masks, "draw", lambda *args: tf.constant(BOX))
    dense = keras.layers.Dense(3, activation="softmax")
    base = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])
    weights = of_double(base)
    confidences = predicted(IMAGES.reshape(4, -1), weights).max(axis=-1)
    threshold = float(np.median(confidences))
    model = CutMixConsistency(base, threshold=threshold, unlabeled_weight=5.0)
    images, ids = IMAGES[:2] + 1.0, np.array([0, 2])
    loss = step(model, {"labeled": images, "unlabeled": IMAGES}, ids)
    mixed = np.where(BOX[..., None], IMAGES[partners], IMAGES)
    labeled, taught, predictions = (
        predicted(x.reshape(len(x), -1), weights) for x in (images, IMAGES, mixed)
    )
    targets = mixed_by(taught, partners, 1 - share)
    confident = mixed_by((confidences > threshold).astype(float), partners, 1 - share).mean()
    unlabeled = ((predictions - targets) ** 2).sum(axis=-1).mean() * confident
    expected = cross_entropy(np.eye(3)[ids], labeled).mean() + 5.0 * unlabeled
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_maps_that_are_coarser_than_the_images_are_cut_on_their_own_grid(monkeypatch):
    fix_draws(monkeypatch, [1, 0], 1.0)
    coarse = np.array([[[True, False], [True, False]], [[False, False], [False, True]]])
    monkeypatch.setattr(box_masks, "draw", lambda *args: tf.constant(coarse))
    images = RNG.normal(size=(2, 4, 4, 1)).astype("float32")
    inputs = keras.Input((4, 4, 1))
    pooled = keras.layers.AveragePooling2D(2)(inputs)
    base = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled))
    model = CutMixConsistency(base, threshold=0.0)
    loss = step(model, {"labeled": images, "unlabeled": images}, np.zeros((2, 2, 2)))
    # Each prediction sees its own cell alone, so that the teacher's are met exactly.
    cells = images.reshape(2, 2, 2, 2, 2).mean(axis=(2, 4))[..., None]
    labeled = cross_entropy(np.eye(3)[[0]], predicted(cells, of_double(base))).mean()
    np.testing.assert_allclose(loss, labeled, rtol=1e-5)


def test_boxes_have_the_law_of_the_authors_code(monkeypatch):
    count, sizes, area = 200, (16, 24), 0.5
    shape, rows, columns = RNG.uniform(size=(3, count))
    chances = iter([shape, rows, columns])
    monkeypatch.setattr(
        random, "uniform", lambda seed, size: tf.constant(next(chances), tf.float32)
    )
    masks = np.asarray(box_masks.draw(tf.constant([1, 2]), count, sizes, area))
    heights = np.exp(shape * np.log(area))
    for mask, height, row, column in zip(masks, heights, rows, columns, strict=True):
        lengths = np.round(np.array([height, area / height]) * sizes)
        starts = np.round((sizes - lengths) * [row, column])
        (top, left), (bottom, right) = starts.astype(int), (starts + lengths).astype(int)
        expected = np.zeros(sizes, bool)
        expected[top:bottom, left:right] = True
        np.testing.assert_array_equal(mask, expected)
    assert abs(masks.mean() - area) < 0.02


def first_loss(make, y, loss):
    model = make()
    keras.utils.set_random_seed(1)
    return step(model, BATCH, y, loss=loss)


@pytest.mark.parametrize("wrapper", [MixMatch, InterpolationConsistency])
def test_every_form_of_labels_and_outputs_gives_the_same_loss(wrapper):
    def of(activation):
        return lambda: wrapper(linear(activation), ramp_up=0, seed=1)

    sparse, dense = (
        keras.losses.SparseCategoricalCrossentropy,
        keras.losses.CategoricalCrossentropy,
    )
    expected = first_loss(of("softmax"), IDS, "sparse_categorical_crossentropy")
    others = [
        first_loss(of("softmax"), IDS[:, None].astype("float32"), sparse()),
        first_loss(of("softmax"), ONE_HOT, "categorical_crossentropy"),
        first_loss(of("softmax"), ONE_HOT.astype("int32"), dense()),
        first_loss(of(None), IDS, sparse(from_logits=True)),
        first_loss(of(None), ONE_HOT, dense(from_logits=True)),
    ]
    np.testing.assert_allclose(others, expected, rtol=1e-5)
    smoothed = first_loss(of(None), ONE_HOT, dense(from_logits=True, label_smoothing=0.3))
    assert abs(smoothed - expected) > 1e-3


def images_network():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("wrapper", [MixMatch, InterpolationConsistency, CutMixConsistency])
def test_xla_trains_as_without_it(wrapper):
    ids = np.arange(24) % 3
    images = RNG.normal(size=(24, 4, 4, 1)).astype("float32") + ids[:, None, None, None]
    few = tf.data.Dataset.from_tensor_slices((images[:8], ids[:8])).batch(8)
    pairs = pair_with_unlabeled(few, tf.data.Dataset.from_tensor_slices(images).batch(12))
    histories = []
    for jit in (False, True):
        model = wrapper(images_network(), seed=2)
        model.compile(
            keras.optimizers.SGD(0.01),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=jit,
        )
        fitted = model.fit(pairs, epochs=3, shuffle=False, verbose=0).history
        histories.append([fitted["loss"], fitted["accuracy"]])
    np.testing.assert_allclose(*histories, rtol=1e-3, atol=1e-5)
    assert int(model._steps) == 6


def compiled(model=None, loss="sparse_categorical_crossentropy", metrics=()):
    model = MixMatch(linear()) if model is None else model
    model.compile("sgd", loss, metrics=metrics, run_eagerly=True)
    return model


def unbuilt():
    return keras.Sequential([keras.layers.Dense(3)])


def of_unknown_length():
    for _ in range(2):
        yield BATCH, IDS


REFUSED = {
    "no unlabeled samples": (
        lambda: compiled().train_on_batch(X, IDS),
        r'MixMatch: training needs batches \({"labeled": x, "unlabeled": u}, y\). Received: .*'
        r"pair_with_unlabeled",
    ),
    "samples of another shape": (
        lambda: compiled().train_on_batch({**BATCH, "unlabeled": U[:, :3]}, IDS),
        "MixMatch: labeled and unlabeled inputs must have the same shape. Received: samples of",
    ),
    "ids": (
        lambda: compiled().train_on_batch(
            {name: x.astype("int32") for name, x in BATCH.items()}, IDS
        ),
        "MixMatch: inputs must be floats or uint8 images, since they are mixed. Received: dtype",
    ),
    "labels of another width": (
        lambda: compiled().train_on_batch(BATCH, np.eye(4)[IDS]),
        "MixMatch: labels must be class ids or rows of 3 probabilities, .*shape .3, 4.",
    ),
    "labels in two forms": (
        lambda: compiled(metrics=["accuracy"]).fit(
            tf.data.Dataset.from_tensors((BATCH, ONE_HOT)),
            validation_data=(X, IDS),
            shuffle=False,
            verbose=0,
        ),
        "MixMatch: labels must have one form in training and validation, since metrics are chosen "
        r"by it. Received: class ids of shape .* after one-hot or soft labels of shape .3, 3.",
    ),
    "a single score": (
        lambda: compiled(
            MixMatch(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
        ).train_on_batch(BATCH, IDS),
        "MixMatch: the model must give one tensor of scores of two or more classes",
    ),
    "no loss": (
        lambda: compiled(loss=None),
        "MixMatch: `compile` needs one loss, of the labels. Received: loss=None",
    ),
    "a loss that is no cross-entropy": (
        lambda: compiled(loss="mse"),
        "MixMatch: labels are mixed with predictions, so the loss must be Keras's sparse or",
    ),
    "a loss that ignores a class": (
        lambda: compiled(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0)),
        "MixMatch: labels are mixed with predictions, .* of all classes. Received",
    ),
    "a loss that does not say what it reads": (
        lambda: compiled(CutMixConsistency(images_network()), keras.losses.Dice()),
        "CutMixConsistency: the loss must say whether the outputs are logits",
    ),
    "vectors to cut": (
        lambda: compiled(CutMixConsistency(linear())).train_on_batch(BATCH, IDS),
        r"CutMixConsistency: inputs must be images \(B, H, W, C\)",
    ),
    "data of unknown length": (
        lambda: compiled(MixMatch(linear(), ramp_up=1.0)).fit(of_unknown_length(), verbose=0),
        "MixMatch: the number of batches must be known, since `ramp_up` is a fraction",
    ),
    "a model without weights": (
        lambda: InterpolationConsistency(unbuilt()),
        "InterpolationConsistency: the model must be built, so that a teacher",
    ),
    "a mixer as augmentation": (
        lambda: MixMatch(linear(), augmentation=CutMix()),
        r"MixMatch: `augmentation` must be a Keras layer that keeps labels. Received: CutMix\(\)",
    ),
    "no model": (
        lambda: MixMatch(CutMix()),
        "MixMatch: the base must be a Keras model",
    ),
    "a temperature of 0": (
        lambda: MixMatch(linear(), temperature=0.0),
        "MixMatch: `temperature` must be a finite number above 0. Received: temperature=0.0",
    ),
    "a ramp longer than the training": (
        lambda: MixMatch(linear(), ramp_up=1.5),
        "MixMatch: `ramp_up` must be a finite number between 0 and 1. Received: ramp_up=1.5",
    ),
    "a loss of logits, and probabilities": (
        lambda: compiled(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        "MixMatch: `from_logits` must say whether 'sequential.*' gives logits or probabilities. "
        "Received: from_logits=True for outputs of 'dense.*', whose activation is softmax",
    ),
    "a loss of probabilities, and logits": (
        lambda: compiled(CutMixConsistency(linear(None)), "categorical_crossentropy"),
        "CutMixConsistency: `from_logits` must say whether .* Pass from_logits=True.",
    ),
    "a box of the whole image": (
        lambda: CutMixConsistency(linear(), area=1.0),
        "CutMixConsistency: `area` must be below 1, since .* Received: area=1.0.",
    ),
    "a threshold above 1": (
        lambda: CutMixConsistency(linear(), threshold=97),
        "CutMixConsistency: `threshold` must be a finite number between 0 and 1",
    ),
    "an unknown predictor": (
        lambda: InterpolationConsistency(linear(), predict_with="student"),
        r"InterpolationConsistency: `predict_with` must be one of \['teacher', 'base'\]",
    ),
    "an unknown argument": (
        lambda: MixMatch(linear(), K=2),
        "MixMatch: `K` is not an argument. Received: K=2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
def test_bad_input_is_refused_in_a_sentence(name):
    call, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)
