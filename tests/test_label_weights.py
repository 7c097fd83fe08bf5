"""Label weights by a map: their laws, what they leave alone, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_mix import losses
from keras_mix._core.plan.map_weights import weights_by_map
from keras_mix.layers import CutMix, Cutout, FMix, MixUp, RandomChoice, RecursiveMix, SmoothMix
from keras_mix.models import AttentionWeights, FeatureWeights, MixingModel

B, SIZE, CLASSES = 6, 8, 3
IMAGES = np.random.default_rng(2).random((B, SIZE, SIZE, 1)).astype("float32")
IDS = np.arange(B) % CLASSES
SPARSE = "sparse_categorical_crossentropy"
ATTENTION = AttentionWeights("attention")


def transformer(patch=4, token=1, attention=None, **options):
    inputs = keras.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(4, patch, strides=patch, name="patches")(inputs)
    x = layers.ZeroPadding1D((token, 0))(layers.Reshape((-1, 4))(x))
    x = layers.Dense(4, bias_initializer="ones", name="before")(x)
    attention = attention or layers.MultiHeadAttention(2, 2, name="attention", **options)
    x = attention(x, x)
    outputs = layers.Dense(CLASSES, activation="softmax", name="ids")(x[:, 0])
    return keras.Model(inputs, outputs)


def convolutions():
    inputs = keras.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="features")(inputs)
    masks = layers.Conv2D(CLASSES, 1, activation="softmax", name="masks")(x)
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    ids = layers.Dense(CLASSES, activation="softmax", name="ids")(x)
    return keras.Model(inputs, {"ids": ids, "masks": masks})


def only_masks():
    base = convolutions()
    return keras.Model(base.input, base.output["masks"])


def model(base=None, mixer=None, weights=ATTENTION, **options):
    base = base or transformer()
    return MixingModel(base, mixer=mixer or CutMix(), weigh_labels=weights, **options)


def compiled(make=transformer, mixer=None, weights=ATTENTION, loss=SPARSE, jit=None, **options):
    keras.utils.set_random_seed(5)
    made = model(make(), mixer, weights, seed=1, **options)
    how = {"run_eagerly": True} if jit is None else {"jit_compile": jit}
    made.compile(keras.optimizers.SGD(0.1), loss, **how)
    return made


def passed(made, x=IMAGES):
    """The predictions of a training step, and how its labels are mixed."""
    predictions = made(tf.constant(x), training=True)
    return predictions, made._step.mixture


@pytest.mark.parametrize("mixer", [CutMix(), FMix(max_soft=0.5), SmoothMix()], ids=repr)
@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_weights_sum_to_1_and_those_of_unmixed_samples_are_exactly_1(mixer, rate):
    plan = mixer.plan(tf.constant(IMAGES), tf.constant([3, 4]), tf.constant(rate))
    values = tf.random.stateless_uniform([B, 4, 4], [1, 2])
    found = weights_by_map(plan, values).numpy()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)
    unmixed = plan.weights.numpy()[:, 0] == 1
    assert unmixed.any()
    np.testing.assert_array_equal(found[unmixed], [[1.0, 0.0]] * unmixed.sum())


def test_a_map_of_zeros_leaves_the_weights_of_the_area():
    plan = CutMix().plan(tf.constant(IMAGES), tf.constant([3, 4]))
    values = tf.concat([tf.zeros([3, 4, 4]), tf.ones([3, 4, 4])], axis=0)
    found = weights_by_map(plan, values).numpy()
    np.testing.assert_array_equal(found[:3], plan.weights.numpy()[:3])
    assert np.isfinite(found).all()


def test_samples_that_are_blended_keep_their_weights():
    mixers = [MixUp(1.0), CutMix(pairing="roll")]
    _, mixture = passed(model(mixer=RandomChoice(mixers), weights=AttentionWeights("attention")))
    drawn = mixture.drawn[0].plan
    blended = drawn.index.numpy() == 0
    assert 0 < blended.sum() < B
    area, found = drawn.weights.numpy(), mixture.plan.weights.numpy()
    np.testing.assert_array_equal(found[blended], area[blended])
    assert (found[~blended] != area[~blended]).any()


def test_no_gradient_flows_through_the_weights():
    made = model(weights=AttentionWeights("attention", trust=1.0))
    with tf.GradientTape() as tape:
        _, mixture = passed(made)
        weights = mixture.plan.weights[:, 0]
    assert tape.gradient(weights, made.base.trainable_variables, None, "none") == [None] * len(
        made.base.trainable_variables
    )


def test_sources_keep_their_own_sample_weights():
    made = compiled()
    predictions, mixture = passed(made)
    given = np.arange(1.0, 1.0 + B)
    loss = made.compute_loss(IMAGES, tf.constant(IDS), predictions, tf.constant(given))
    sources, weights = (np.asarray(each) for each in mixture.plan)
    rows = np.asarray(predictions)
    expected = sum(
        weights[:, s] * given[sources[:, s]] * -np.log(rows[np.arange(B), IDS[sources[:, s]]])
        for s in range(2)
    )
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-5)


def test_a_loss_of_mixed_labels_gets_the_weights():
    made = compiled(loss=losses.DecoupleMixLoss(eta=0.5))
    predictions, mixture = passed(made)
    sources, weights = mixture.plan
    packed = tf.stack([tf.cast(tf.gather(IDS, sources), "float32"), weights], axis=1)
    loss = made.compute_loss(IMAGES, tf.constant(IDS), predictions)
    assert float(loss) == pytest.approx(
        float(losses.DecoupleMixLoss(eta=0.5)(packed, predictions)), rel=1e-5
    )


def test_losses_are_equal_compiled_and_of_mixed_targets():
    def loss(y, **options):
        weights = AttentionWeights("attention", trust="progressive")
        return float(compiled(weights=weights, **options).train_on_batch(IMAGES, y))

    eager = loss(IDS)
    assert loss(IDS, jit=True) == pytest.approx(eager, rel=1e-5)
    of_rows = {"loss": "categorical_crossentropy", "loss_mode": "mixed_targets"}
    assert loss(np.eye(CLASSES, dtype="float32")[IDS], **of_rows) == pytest.approx(eager, rel=1e-5)


def test_masks_keep_the_label_of_each_pixel():
    masks = np.random.default_rng(0).integers(0, CLASSES, (B, SIZE, SIZE))
    y = {"ids": IDS, "masks": masks}
    totals = []
    for weights in (None, FeatureWeights("features", trust=1.0)):
        made = compiled(convolutions, weights=weights, loss={"ids": SPARSE, "masks": SPARSE})
        totals.append(made.train_on_batch(IMAGES, y, return_dict=True))
    assert totals[0]["masks_loss"] == totals[1]["masks_loss"]
    assert totals[0]["ids_loss"] != totals[1]["ids_loss"]
    with pytest.raises(ValueError, match=r"^MixingModel: `weigh_labels` weighs labels of whole.*8"):
        compiled(only_masks, weights=weights).train_on_batch(IMAGES, masks)


class Asking(layers.Layer):
    """Takes the scores of an attention layer itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 2, name="inner")

    def build(self, query_shape, value_shape):
        self.attention.build(query_shape, value_shape)

    def call(self, query, value):
        outputs, scores = self.attention(query, value, return_attention_scores=True)
        return outputs + ops.mean(scores)


def test_a_layer_inside_of_layers_is_read_as_it_is_called():
    made = model(transformer(attention=Asking(name="block")), weights=AttentionWeights("inner"))
    assert made._label_map.path == "block/inner"
    _, mixture = passed(made)
    assert (mixture.plan.weights.numpy() != mixture.drawn[0].plan.weights.numpy()).any()


def test_the_previous_batch_of_recursive_mix_has_its_labels_weighed():
    made = compiled(mixer=RecursiveMix())
    losses = [made.train_on_batch(IMAGES, IDS) for _ in range(2)]
    _, mixture = passed(made)
    area, found = (each.weights.numpy() for each in (mixture.drawn[0].plan, mixture.plan))
    assert np.isfinite(losses).all()
    assert (area != found).any()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)


def test_mixing_at_a_hidden_layer_weighs_by_a_later_map():
    _, mixture = passed(model(mix_at=["patches"]))
    assert (mixture.plan.weights.numpy() != mixture.drawn[0].plan.weights.numpy()).any()


def test_one_axis_that_is_cut_has_patches_along_it():
    inputs = keras.Input((12, 3))
    x = layers.ZeroPadding1D((1, 0))(layers.Conv1D(4, 3, strides=3)(inputs))
    x = layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    base = keras.Model(inputs, layers.Dense(CLASSES)(x[:, 0]))
    made = model(base, CutMix(spatial_dims=1))
    _, mixture = passed(made, np.random.rand(B, 12, 3).astype("float32"))
    np.testing.assert_allclose(mixture.plan.weights.numpy().sum(axis=1), 1.0, rtol=1e-6)


def test_the_layer_is_found_again_under_another_name(tmp_path):
    made = model(
        transformer(attention=layers.MultiHeadAttention(2, 2)),
        weights=FeatureWeights("patches", trust="progressive"),
    )
    config = made.get_config()
    config["model"]["config"]["layers"][1]["config"]["name"] = "other"
    again = MixingModel.from_config(made.get_config())
    assert again.weigh_labels == made.weigh_labels
    assert again.get_config()["weigh_labels"] == config["weigh_labels"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AttentionWeights(3), "AttentionWeights: `layer` must be the name.*layer=3"),
        (
            lambda: AttentionWeights("a", class_token=-1),
            "`class_token` must be an integer of at least 0",
        ),
        (lambda: AttentionWeights("a", grid=14), r"`grid` must be a tuple .*\(14, 14\).*grid=14"),
        (lambda: AttentionWeights("a", grid=(4, 0)), "`grid` must be an integer of at least 1"),
        (lambda: FeatureWeights("a", trust=0), "FeatureWeights: `trust` must .* above 0"),
        (lambda: FeatureWeights("a", trust=1.5), "`trust` must be a finite number between 0 and 1"),
        (lambda: FeatureWeights("a", trust="full"), '`trust` must be a number or "progressive"'),
        (lambda: model(weights="attention"), "`weigh_labels` must be AttentionWeights or Feature"),
        (lambda: model(weights=FeatureWeights), "must be an instance, not a class"),
        (
            lambda: model(weights=AttentionWeights("atention")),
            r"`weigh_labels` must name layers of .*'atention'. Similar names: \['attention'",
        ),
        (
            lambda: model(weights=AttentionWeights("before")),
            "must give scores: its `call` takes `return_attention_scores`.*`before`, a Dense",
        ),
        (
            lambda: model(transformer(flash_attention=True)),
            "flash attention computes none. Received: `attention`.*flash_attention=False",
        ),
        (
            lambda: model(mix_at=["attention"]),
            "scores of `attention` are made before the mix point that it is",
        ),
        (
            lambda: model(
                mixer=RecursiveMix(), weights=AttentionWeights("attention", trust="progressive")
            ),
            r'trust="progressive" needs labels of this batch alone. Received: RecursiveMix\(',
        ),
        (lambda: model(mixer=MixUp()), "`weigh_labels` has no effect, because no mixer"),
        (lambda: model(mixer=Cutout()), "`weigh_labels` has no effect.*Use a mixer such as CutMix"),
        (
            lambda: model(mixer=RandomChoice([MixUp(), Cutout()])),
            "`weigh_labels` has no effect, because no mixer",
        ),
        (
            lambda: model(
                keras.Sequential([keras.Input((4, 3)), layers.LSTM(2, name="lstm")]),
                weights=FeatureWeights("lstm_cell"),
            ),
            "layers inside a recurrent layer cannot be read",
        ),
    ],
)
def test_what_is_wrong_from_the_beginning_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


class Unused(keras.Model):
    def __init__(self):
        super().__init__()
        self.used, self.unused = layers.Dense(2), layers.Dense(2, name="unused")
        self.unused.build((None, 1))

    def call(self, x):
        return self.used(x)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: model(transformer(token=2)),
            r"the patches of `attention` must tile the grid that is cut, \(8, 8\), as squares. "
            r"Received: 5 patches. Give .*AttentionWeights\('attention', grid=",
        ),
        (
            lambda: model(weights=AttentionWeights("attention", grid=(3, 3))),
            r"must tile .* as grid=\(3, 3\). Received: 4 patches",
        ),
        (
            lambda: model(weights=AttentionWeights("attention", class_token=5)),
            "`class_token` must be one of the 5 tokens of `attention`",
        ),
        (
            lambda: model(only_masks(), weights=FeatureWeights("features"), mix_at=["masks"]),
            "`features` must be called, after the mix point.*whose layer comes before `masks`",
        ),
        (lambda: model(Unused(), weights=FeatureWeights("unused")), "whose layer was not called"),
        (
            lambda: model(convolutions(), weights=FeatureWeights("pooled")),
            "`pooled` must return a map of features over the 2 axes.*layer before the pooling",
        ),
        (
            lambda: model(convolutions(), weights=FeatureWeights("features", grid=(8, 8))),
            "`grid` has no effect, because a map of features has its own",
        ),
    ],
)
def test_what_a_forward_pass_shows_to_be_wrong_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        passed(make())
    assert str(error.value).startswith("MixingModel: ")


def test_progressive_trust_needs_predictions_of_classes():
    def numbers():
        base = transformer()
        return keras.Model(base.input, layers.Dense(1)(base.output))

    weights = AttentionWeights("attention", trust="progressive")
    made = compiled(numbers, weights=weights, loss="mse")
    with pytest.raises(ValueError, match=r'^MixingModel: trust="progressive" needs labels of'):
        made.train_on_batch(IMAGES, IDS[:, None].astype("float32"))
