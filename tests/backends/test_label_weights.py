"""Label weights by attention and by features equal NumPy's, from what the step itself computed.

The last channel of the images holds the number of the sample, so that a mixed image says of each
pixel which sample it comes from. A layer keeps it, and the loss of the step is computed again from
it: attention and predictions of the mixed images, and the weights of their sources.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.layers import RICAP, CutMix, GridMix, MixUp, RandomChoice
from keras_mix.models import AttentionWeights, FeatureWeights, MixingModel, RegMixup

pytestmark = pytest.mark.slow

B, SIZE, PATCH, WIDTH, CLASSES = 8, 12, 3, 8, 4
GRID = SIZE // PATCH
IDS = np.arange(B) % CLASSES
SPARSE = "sparse_categorical_crossentropy"


def images():
    drawn = np.random.default_rng(1).random((B, SIZE, SIZE, 2)).astype("float32")
    number = np.broadcast_to(np.arange(B)[:, None, None, None], (B, SIZE, SIZE, 1))
    return np.concatenate([drawn, number], axis=-1).astype("float32")


class Keeper(layers.Layer):
    """Gives out all channels but the last; keeps what it is given in a training step."""

    def __init__(self, size=B, **kwargs):
        super().__init__(**kwargs)
        self.kept = self.add_weight(
            shape=(size, SIZE, SIZE, 3), initializer="zeros", trainable=False
        )

    def call(self, inputs, training=None):
        if training:
            self.kept.assign(inputs)
        return inputs[..., :-1]


class ClassToken(layers.Layer):
    """Puts a token of ones behind the others, and a register before them."""

    def call(self, x):
        return ops.pad(x, [[0, 0], [1, 1], [0, 0]], constant_values=1.0)


def transformer(keeper):
    wide = {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.4, seed=4)}
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(WIDTH, PATCH, strides=PATCH, **wide)(keeper(inputs))
    x = layers.Activation("relu", name="features")(x)
    x = ClassToken()(layers.Reshape((-1, WIDTH))(x))
    x = layers.Dense(WIDTH, name="before")(x)
    x = layers.MultiHeadAttention(2, WIDTH, dropout=0.0, name="attention", **wide)(x, x)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax", **wide)(x[:, -1]))


def stored(base, mixed):
    """The attention of the last token to the patches, the features, and the predictions."""
    tokens, features = keras.Model(
        base.input, [base.get_layer("before").output, base.get_layer("features").output]
    )(mixed)
    _, scores = base.get_layer("attention")(tokens, tokens, return_attention_scores=True)
    attention = ops.convert_to_numpy(scores)[:, :, -1, 1:-1].mean(axis=1, dtype="float64")
    features = np.abs(ops.convert_to_numpy(features)).mean(axis=-1, dtype="float64")
    return attention.reshape(-1, GRID, GRID), features, ops.convert_to_numpy(base(mixed))


def expected_loss(numbers, values, predictions, trust, smoothing):
    """The loss by loops over samples and sources; `numbers` has the sample of each pixel."""
    total = 0.0
    for i, (pixels, of_patches, row) in enumerate(zip(numbers, values, predictions, strict=True)):
        if np.abs(pixels - np.round(pixels)).max() < 1e-4:
            pixels = np.round(pixels)
            first = pixels[::PATCH, ::PATCH]
            area = {int(j): np.mean(pixels == j) for j in np.unique(pixels)}
            by_map = {j: of_patches[first == j].sum() / of_patches.sum() for j in area}
        else:  # Blended with the partner, by a weight that the numbers tell.
            partner = B - 1 - i
            own = (pixels[0, 0] - partner) / (i - partner)
            area = by_map = {i: own, partner: 1 - own}
        label = sum(share * np.eye(CLASSES)[IDS[j]] for j, share in area.items())
        label = (1 - smoothing) * label + smoothing / CLASSES
        agreement = label @ row / np.linalg.norm(label) / np.linalg.norm(row)
        by = agreement if trust == "progressive" else trust
        losses = -np.log(row)
        of_ids = sum(
            (share + by * (by_map[j] - share)) * losses[IDS[j]] for j, share in area.items()
        )
        total += (1 - smoothing) * of_ids + smoothing * losses.mean()
    return total / len(numbers)


def steps(mixer, weights, wrap=MixingModel, smoothing=0.0, **options):
    """The loss of each of some steps, and what it is by `expected_loss` by the area and the map."""
    keras.utils.set_random_seed(3)
    keeper = Keeper(B * (1 + (wrap is RegMixup)))
    model = wrap(transformer(keeper), mixer=mixer, weigh_labels=weights, **options)
    model.compile(keras.optimizers.SGD(0.0), SPARSE, jit_compile="auto")
    found = []
    for _ in range(3):
        loss = float(model.train_on_batch(images(), IDS))
        mixed = ops.convert_to_numpy(keeper.kept)
        attention, features, predictions = stored(model.base, mixed)
        values = attention if isinstance(weights, AttentionWeights) else features
        of_mixed = mixed[-B:, ..., -1], values[-B:], predictions[-B:]
        by = [expected_loss(*of_mixed, trust, smoothing) for trust in (0.0, weights.trust)]
        if wrap is RegMixup:
            by = by - np.log(predictions[np.arange(B), IDS]).mean()
        found.append((loss, *by))
    return np.array(found)


PATCHES = {"class_token": GRID**2 + 1, "grid": (GRID, GRID)}
ATTENTION = AttentionWeights("attention", **PATCHES)
PROGRESSIVE = AttentionWeights("attention", trust="progressive", **PATCHES)
FEATURES = FeatureWeights("features", trust=1.0)
BOTH = [MixUp(1.0, pairing="reverse"), CutMix(pairing="reverse")]


@pytest.mark.parametrize(
    ("mixer", "weights", "options"),
    [
        (CutMix(), ATTENTION, {}),
        (CutMix(per="batch", rate=0.5), FEATURES, {}),
        (GridMix(label_smoothing=0.1), PROGRESSIVE, {"smoothing": 0.1}),
        (RICAP(), ATTENTION, {}),
        (RandomChoice(BOTH), ATTENTION, {"rate": 0.8}),
        (BOTH, FEATURES, {}),
        (CutMix(), PROGRESSIVE, {"wrap": RegMixup}),
    ],
    ids=["cut", "batch", "progressive", "moved", "choice", "list", "regmixup"],
)
def test_the_loss_of_a_step_is_that_of_weights_by_the_map(mixer, weights, options):
    found = steps(mixer, weights, **options)
    np.testing.assert_allclose(found[:, 0], found[:, 2], rtol=2e-5)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_keras_hubs_vision_transformer_gives_its_attention():
    keras_hub = pytest.importorskip("keras_hub")
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(SIZE, SIZE, 3),
        patch_size=PATCH,
        num_layers=2,
        num_heads=2,
        hidden_dim=WIDTH,
        mlp_dim=WIDTH,
    )
    base = keras.Sequential(
        [backbone, layers.Lambda(lambda x: x[:, 0]), layers.Dense(CLASSES, activation="softmax")]
    )
    base.build((None, SIZE, SIZE, 3))
    weights = AttentionWeights("transformer_block_2/mha")
    model = MixingModel(base, mixer=CutMix(), weigh_labels=weights)
    model.compile("adam", SPARSE)
    losses = model.fit(images(), IDS, epochs=2, batch_size=B, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    _, mixture = model(images(), training=True), model._step.mixture
    weights, area = (
        ops.convert_to_numpy(each) for each in (mixture.plan.weights, mixture.drawn[0].plan.weights)
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert (weights != area).any()
