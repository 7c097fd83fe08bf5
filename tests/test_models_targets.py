"""Targets on the grid of a region: masks, images and labels of time steps inside MixingModel.

Sample i of most inputs is the i-th unit vector at each pixel, so that channel s of a mixed input
is the weight of source s at each pixel, and a loss can be calculated from it by numpy.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_mix.layers import (
    CrossModalMix,
    CutMix,
    FMix,
    MixUp,
    Mosaic,
    RandomChoice,
    SmoothMix,
    SpecMix,
)
from keras_mix.models import MixingModel

# Most models here only compute what is right.
pytestmark = pytest.mark.filterwarnings("ignore:The model does not have any trainable:UserWarning")

B, H, W = 4, 8, 6
RNG = np.random.default_rng(0)
UNITS = np.tile(np.eye(B, dtype="float32")[:, None, None], (1, H, W, 1))
BINARY = np.zeros((B, H, W, 1), "float32")
BINARY[::2] = 1
MASK = BINARY[..., 0].astype("int32")
SPARSE = "sparse_categorical_crossentropy"


@keras.saving.register_keras_serializable(package="test_models_targets")
class Both(layers.Layer):
    """The probabilities of two classes, of inputs 0 and 1."""

    def call(self, inputs):
        return ops.concatenate([1 - inputs, inputs], axis=-1)


def chain(*middle, shape=(H, W, 1)):
    return keras.Sequential([keras.Input(shape), *middle])


def loss_of(model, x, y, loss, weights=None, **options):
    model.compile("sgd", loss, **{"run_eagerly": True, **options})
    return model.train_on_batch(x, y, sample_weight=weights)


def deviation(y_true, y_pred):
    """The squared deviation of labels (B, H, W, 1) from an estimate of the sources' numbers."""
    estimate = ops.sum(y_pred * ops.arange(B, dtype="float32"), axis=-1)
    return ops.square(y_true[..., 0] - estimate)


def dominant_label(y_true, y_pred):
    return y_true


def by_hand(seen, y, weights, loss):
    """The loss and the dominant labels, from the mixed inputs that the model saw."""
    seen, y = seen.astype("float64"), y[..., 0].astype("float64")
    total, dominant, estimate = 0.0, np.zeros((B, H, W)), seen @ np.arange(B)
    for i, h, w in np.ndindex(B, H, W):
        share = seen[i, h, w]
        dominant[i, h, w] = y[share.argmax(), h, w]
        if loss == "sources":
            losses = (y[:, h, w] - estimate[i, h, w]) ** 2
            total += (share * weights[:, h, w] * losses).sum()
        else:
            error = ((share * y[:, h, w]).sum() - estimate[i, h, w]) ** 2
            total += (share * weights[:, h, w]).sum() * error
    return total / (B * H * W), dominant


MIXERS = {
    "CutMix": CutMix(),
    "CutMix, some": CutMix(rate=0.5),
    "CutMix, batch": CutMix(per="batch"),
    "FMix": FMix(),
    "SmoothMix": SmoothMix(),
    "MixUp": MixUp(1.0),
    "RandomChoice": RandomChoice([MixUp(1.0), CutMix(), SmoothMix()]),
    "RandomChoice, batch": RandomChoice([CutMix(per="batch"), SmoothMix()], per="batch"),
    "list": [CutMix(), SmoothMix()],
}
WEIGHTS = {
    "none": None,
    "of samples": np.array([1.0, 0.5, 0.0, 3.0], "float32"),
    "of pixels": RNG.uniform(size=(B, H, W)).astype("float32"),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("loss", ["sources", "mixed_targets"])
@pytest.mark.parametrize("mixer", MIXERS)
def test_each_pixel_has_the_label_and_the_weight_of_its_sources(mixer, loss, weights):
    model = MixingModel(
        chain(layers.Identity(), shape=(H, W, B)), mixer=MIXERS[mixer], loss_mode=loss
    )
    model.compile("sgd", deviation, metrics=[dominant_label])
    y = RNG.normal(size=(B, H, W, 1)).astype("float32")
    seen = model(UNITS, training=True)
    given = WEIGHTS[weights]
    found = model.compute_loss(UNITS, tf.constant(y), seen, given, training=True)
    full = np.ones((B, H, W))
    if given is not None:
        full = full * given.reshape(B, *([1, 1] if given.ndim == 1 else [H, W]))
    expected, dominant = by_hand(seen.numpy(), y, full, loss)
    assert float(found) == pytest.approx(expected, rel=1e-4)
    metric = model.get_metrics_result()["dominant_label"]
    assert float(metric) == pytest.approx(dominant.mean(), abs=1e-4)


TARGETS = {
    "ids": (MASK, SPARSE),
    "ids with a channel": (MASK[..., None], SPARSE),
    "float ids": (MASK.astype("float32"), SPARSE),
    "one-hot": (np.eye(2, dtype="float32")[MASK], "categorical_crossentropy"),
    "whole batch": (np.eye(2, dtype="float32")[MASK], keras.losses.Dice()),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", ["sources", "mixed_targets"])
@pytest.mark.parametrize("mixer", [CutMix, Mosaic])
def test_a_model_that_segments_perfectly_has_no_loss(mixer, loss, target):
    y, criterion = TARGETS[target]
    model = MixingModel(chain(Both()), mixer=mixer(pairing="roll"), loss_mode=loss)
    assert loss_of(model, BINARY, y, criterion) < 1e-6


@pytest.mark.parametrize("options", [{"run_eagerly": False}, {"jit_compile": True}], ids=str)
@pytest.mark.parametrize("mixer", [FMix, Mosaic])
def test_compiled_steps_place_labels_like_inputs(mixer, options):
    options = {"run_eagerly": False, **options}
    x = RNG.uniform(size=(B, H, W, 3)).astype("float32")
    model = MixingModel(chain(layers.Identity(), shape=(H, W, 3)), mixer=mixer())
    assert loss_of(model, x, x, "mse", **options) < 1e-10


@pytest.mark.parametrize("mixer", [CutMix(), Mosaic(), [CutMix(), FMix()]], ids=str)
def test_hidden_regions_are_stretched_over_finer_targets(mixer):
    halved = [layers.AveragePooling2D(2, name="half"), layers.UpSampling2D(2)]
    model = MixingModel(chain(*halved, Both()), mixer=mixer, mix_at=["half"])
    assert loss_of(model, BINARY, MASK, SPARSE) < 1e-6
    model = MixingModel(
        chain(*halved, layers.Flatten(), layers.Dense(2)), mixer=mixer, mix_at=["half"]
    )
    assert loss_of(model, BINARY, np.zeros((B, 2), "float32"), "mse") > 0


def test_a_region_at_one_of_several_places():
    base = chain(layers.Identity(name="whole"), layers.Rescaling(1.0, name="again"), Both())
    model = MixingModel(base, mixer=[CutMix(), FMix(rate=0.0)], mix_at=["whole", "again"])
    for _ in range(3):
        assert loss_of(model, BINARY, MASK, SPARSE) < 1e-6


def heads():
    x = keras.Input((H, W, 1))
    classes = layers.Dense(2, activation="softmax", name="class")(layers.Flatten()(x))
    return keras.Model(x, {"class": classes, "mask": Both(name="mask")(x)})


@pytest.mark.parametrize("weighted", [False, True])
def test_a_head_of_classes_keeps_weights_of_samples(weighted):
    model = MixingModel(heads(), mixer=CutMix(per="batch", pairing="roll"))
    model.compile("sgd", {"class": SPARSE, "mask": SPARSE}, weighted_metrics=["accuracy"] * 2)
    own = np.array([1.0, 2.0, 0.0, 0.5], "float32")
    y = {"class": np.array([0, 1, 1, 0]), "mask": MASK}
    y = {name: tf.constant(labels) for name, labels in y.items()}
    predicted = model(BINARY, training=True)
    mixed = predicted["mask"].numpy()[..., 1]
    share = np.abs(mixed[0] - BINARY[0, ..., 0]).mean()
    total = model.compute_loss(BINARY, y, predicted, own if weighted else None, training=True)
    chance = predicted["class"].numpy()
    own = own if weighted else np.ones(B)
    expected = 0.0
    for i in range(B):
        j = (i + 1) % B
        for source, part in ((i, 1 - share), (j, share)):
            label = int(y["class"][source])
            expected -= part * own[source] * np.log(chance[i, label]) / B
    assert float(total) == pytest.approx(expected, rel=1e-4)
    assert float(model.get_metrics_result()["mask_accuracy"]) == 1.0


def test_what_the_loss_ignores_is_cut_along():
    ignored = np.where(RNG.random((B, H, W)) < 0.3, 255, 1 - MASK)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=255, reduction="sum")
    model = MixingModel(chain(Both()), mixer=CutMix(rate=0.0))
    plain = loss(ignored, Both()(BINARY)).numpy()
    assert loss_of(model, BINARY, ignored, loss) == pytest.approx(float(plain))
    seen = np.where(ignored == 255, 255, MASK)
    model = MixingModel(chain(Both()), mixer=CutMix())
    assert loss_of(model, BINARY, seen, loss) < 1e-3


STEPS = np.zeros((B, 10, 1), "float32")
STEPS[::2] = 1


@pytest.mark.parametrize(
    ("layer", "y", "loss", "kinds"),
    [
        (Both(), STEPS[..., 0].astype("int32"), SPARSE, None),
        (Both(), np.concatenate([1 - STEPS, STEPS], -1), "categorical_crossentropy", None),
        (layers.Identity(), STEPS, "binary_crossentropy", None),
        (layers.Reshape((10,)), STEPS[..., 0], "mse", {"y": "frame_labels"}),
    ],
)
def test_labels_of_time_steps(layer, y, loss, kinds):
    base = chain(layer, shape=(10, 1))
    model = MixingModel(base, mixer=CutMix(spatial_dims=1), kinds=kinds)
    assert loss_of(model, STEPS, y, loss) < 1e-6


def test_sequences_with_a_mask_are_cut_with_it():
    """Padded steps of one sample, where they are pasted, count for nothing."""
    lengths = np.array([10, 4, 7, 2])
    valid = np.arange(10) < lengths[:, None]
    inputs = keras.Input((10, 1))
    masked = layers.Masking(mask_value=-1.0)(inputs)
    model = MixingModel(keras.Model(inputs, masked), mixer=CutMix(spatial_dims=1), mix_at=[1])
    x = np.where(valid[..., None], np.arange(B)[:, None, None] + 1.0, -1.0).astype("float32")
    y = x.copy()
    y[~valid] = 99.0
    assert loss_of(model, x, y, "mse") == pytest.approx(0.0, abs=1e-6)


def test_labels_along_the_first_axis_of_spectrograms():
    """Each step has the sources' weights that are counted over its other axis."""
    x = np.tile(np.eye(B, dtype="float32")[:, None, None], (1, 10, 6, 1))
    pooled = layers.Lambda(lambda t: ops.mean(t, axis=2))
    model = MixingModel(
        chain(pooled, shape=(10, 6, B)), mixer=SpecMix(), kinds={"y": "frame_labels"}
    )
    model.compile("sgd", lambda y, p: ops.square(y[..., 0] - 1.0))
    y = RNG.normal(size=(B, 10, 1)).astype("float32")
    seen = model(x, training=True)
    found = model.compute_loss(x, tf.constant(y), seen, training=True)
    expected = np.einsum("its,st->", seen.numpy(), (y[..., 0] - 1.0) ** 2) / (B * 10)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_videos_and_channels_first():
    video = np.repeat(BINARY[:, None], 3, axis=1)
    model = MixingModel(chain(Both(), shape=(3, H, W, 1)), mixer=CutMix())
    assert loss_of(model, video, video[..., 0].astype("int32"), SPARSE) < 1e-6
    first = np.moveaxis(BINARY, -1, 1)
    base = chain(layers.Permute((2, 3, 1)), Both(), shape=(1, H, W))
    model = MixingModel(base, mixer=CutMix(data_format="channels_first"))
    assert loss_of(model, first, MASK, SPARSE) < 1e-6


def test_sizes_that_no_shape_tells():
    specs = (tf.TensorSpec((None, None, None, 1)), tf.TensorSpec((None, None, None), tf.int32))

    def batches(mask):
        return tf.data.Dataset.from_generator(
            lambda: iter([(BINARY, mask)]), output_signature=specs
        )

    model = MixingModel(chain(Both(), shape=(None, None, 1)), mixer=CutMix())
    model.compile("sgd", SPARSE, jit_compile=False)
    assert (
        model.fit(batches(MASK), steps_per_epoch=1, shuffle=False, verbose=0).history["loss"][0]
        < 1e-6
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="or multiples of them"):
        model.fit(batches(MASK[:, 1:]), steps_per_epoch=1, shuffle=False, verbose=0)


def outputs(*shape):
    size = int(np.prod(shape))
    return chain(layers.Flatten(), layers.Dense(size), layers.Reshape(shape))


def zeros(*shape):
    return np.zeros((B, *shape), "float32")


@pytest.mark.parametrize(
    ("base", "mixer", "y", "options", "sentence"),
    [
        (outputs(5, 2), CutMix(), zeros(5, 2), {}, r"lie on the grid \(8, 6\).*\"y\": \"labels\""),
        (outputs(4, 3), CutMix(), zeros(4, 3), {}, r"or on a whole multiple"),
        (
            chain(layers.ZeroPadding2D(1, name="p"), layers.Cropping2D(1)),
            CutMix(),
            zeros(H, W, 1),
            {"mix_at": ["p"]},
            r"grid \(10, 8\)",
        ),
        (
            chain(layers.Identity()),
            CutMix(),
            zeros(H, W, 1),
            {"kinds": {"z": "labels"}},
            "must name inputs and targets",
        ),
        (
            chain(layers.Identity()),
            CutMix(),
            zeros(H, W, 1),
            {"kinds": {"y": "lengths"}},
            "`kinds` must map inputs to one of",
        ),
        (chain(layers.Reshape((H, W))), SmoothMix(), zeros(H, W), {}, "a last axis of size 1"),
        (outputs(H, 3), CutMix(), zeros(H, 3), {}, '"frame_labels" for labels along'),
    ],
)
def test_targets_that_do_not_lie_on_the_grid(base, mixer, y, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        loss_of(MixingModel(base, mixer=mixer, **options), BINARY, y, "mse")


def test_labels_that_may_be_of_steps_are_named():
    base = chain(layers.Flatten(), layers.Dense(10, activation="softmax"), shape=(10, 1))
    y = np.eye(10, dtype="float32")[:B]
    cut = CutMix(spatial_dims=1)
    with pytest.raises(ValueError, match=r'"y": "labels".*"y": "frame_labels"'):
        loss_of(MixingModel(base, mixer=cut), STEPS, y, "mse")
    assert loss_of(MixingModel(base, mixer=cut, kinds={"y": "labels"}), STEPS, y, "mse") > 0
    # A distribution over classes is none over time steps.
    assert loss_of(MixingModel(base, mixer=cut), STEPS, y, "categorical_crossentropy") > 0


def test_targets_beside_several_inputs_that_are_cut():
    image, text = keras.Input((H, W, 1), name="image"), keras.Input((4, 3), name="text")
    base = keras.Model({"image": image, "text": text}, Both()(image))
    x = {"image": BINARY, "text": zeros(4, 3)}
    with pytest.raises(ValueError, match="whole samples where several inputs are cut"):
        loss_of(MixingModel(base, mixer=CrossModalMix(cuts={"image": CutMix()})), x, MASK, SPARSE)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_images_of_integers_are_mixed_where_they_are_named(dtype):
    x = (1000 * BINARY).astype(dtype)
    base = chain(layers.Rescaling(1 / 1000), Both())
    with pytest.raises(ValueError, match=r'kinds={"x": "images"}'):
        loss_of(MixingModel(base, mixer=CutMix()), x, MASK, SPARSE)
    model = MixingModel(base, mixer=CutMix(), kinds={"x": "images"})
    assert loss_of(model, x, MASK, SPARSE) < 1e-6
    assert loss_of(MixingModel(base, mixer=CutMix(kinds={"x": "images"})), x, MASK, SPARSE) < 1e-6
    copy = MixingModel.from_config(model.get_config())
    assert loss_of(copy, x, MASK, SPARSE) < 1e-6
    assert loss_of(MixingModel(base, kinds={"x": "images"}), x, MASK, SPARSE) >= 0


def test_labels_beside_sequences_of_any_length():
    """A known number of classes is no unknown number of time steps."""
    base = chain(layers.GlobalAveragePooling1D(), layers.Dense(5), shape=(None, 1))
    model = MixingModel(base, mixer=CutMix(spatial_dims=1))
    model.compile("sgd", "mse", jit_compile=False)
    specs = (tf.TensorSpec((None, None, 1)), tf.TensorSpec((None, 5)))
    batches = iter([(STEPS, np.zeros((B, 5), "float32"))])
    dataset = tf.data.Dataset.from_generator(lambda: batches, output_signature=specs)
    history = model.fit(dataset, steps_per_epoch=1, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_labels_keep_the_form_that_metrics_are_chosen_by():
    base = chain(layers.Flatten(), layers.Dense(3, "softmax"), shape=(4,))
    model, x, ids = MixingModel(base), np.ones((6, 4)), np.arange(6) % 3
    compiled = {"loss": "crossentropy", "metrics": ["accuracy"], "run_eagerly": True}
    model.compile("sgd", **compiled)
    with pytest.raises(ValueError, match="MixingModel: labels must have one form") as caught:
        model.fit(x, np.eye(3)[ids], validation_data=(x, ids), verbose=0)
    assert "class ids of shape (6,) after one-hot or soft labels of shape (6, 3)" in str(
        caught.value
    )
    model.compile("sgd", **compiled)
    model.fit(x, ids, validation_data=(x, ids[:, None]), verbose=0)
