"""On TensorFlow the layers for paired modalities draw alike eagerly, in graphs and under XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix.layers import CutMix, FeatureMix, MixUp, ModalityDropout
from keras_mix.losses import CrossModalConsistencyLoss, MixedLoss
from keras_mix.metrics import RecallAtK

NOISE = np.random.default_rng(0).normal(size=(2, 33, 8)).astype("float32")
IDS = np.arange(33) % 4


def dropped(seed):
    layer = ModalityDropout([0.4, 0.6, 0.3], return_present=True, rescale="count", seed=seed)
    inputs = [tf.constant(NOISE[0]), tf.constant(NOISE[1]), tf.constant(NOISE[0][:, :3])]
    return lambda: layer(inputs, training=True)


def crossed(seed):
    layer = FeatureMix(alpha=0.7, rate=0.8, seed=seed)
    inputs = [tf.constant(part) for part in NOISE]
    return lambda: layer(inputs, tf.constant(IDS), training=True)


@pytest.mark.parametrize("make", [dropped, crossed])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_same_in_every_mode(make, jit_compile):
    expected = tf.nest.flatten(make(int(jit_compile))())
    found = tf.nest.flatten(tf.function(make(int(jit_compile)), jit_compile=jit_compile)())
    for one, other in zip(found, expected, strict=True):
        # The compiler may round a product and a sum once instead of twice.
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    # What was drawn is equal to the bit.
    np.testing.assert_array_equal(found[-1], expected[-1])


def test_the_plan_of_a_mixer_is_applied_by_its_weights():
    """One plan for raw images (of CutMix without its region), the features and the labels."""
    images, seed = np.random.default_rng(2).random((33, 6, 6, 1), "float32"), tf.constant([1, 2])
    for mixer in (MixUp(alpha=1.0), CutMix(alpha=1.0)):
        plan = mixer.plan(images, seed)._replace(region=None)
        (first, second), packed = FeatureMix()(list(NOISE), IDS, plan=plan, training=True)
        own, other = plan.weights.numpy().T[:, :, None]
        partner = plan.sources[:, 1].numpy()
        np.testing.assert_allclose(first, own * NOISE[0] + other * NOISE[1][partner], atol=1e-6)
        np.testing.assert_allclose(second, own * NOISE[1] + other * NOISE[0][partner], atol=1e-6)
        np.testing.assert_array_equal(packed[:, 1], plan.weights)
        np.testing.assert_array_equal(packed[:, 0, 1], IDS[partner])
    with pytest.raises(
        ValueError, match=r"FeatureMix: the plan must have no region.*plan\.sources"
    ):
        FeatureMix()(list(NOISE), IDS, plan=CutMix().plan(images, seed), training=True)


def two_encoders():
    """Dropout, crossed features, a head and both losses: all of it in one compiled step."""
    inputs = [keras.Input((8,), name="image"), keras.Input((8,), name="text")]
    ids = keras.Input((), dtype="int32", name="ids")
    hidden = [keras.layers.Dense(6)(part) for part in inputs]
    together = keras.ops.stack(hidden, axis=1)
    hidden = ModalityDropout([0.3, 0.3], learned_tokens=True)(hidden)
    (first, second), labels = FeatureMix(alpha=1.0)(hidden, ids)
    outputs = keras.layers.Dense(4, activation="softmax")(first + second)
    return keras.Model([*inputs, ids], {"classes": outputs, "labels": labels, "pairs": together})


@keras.saving.register_keras_serializable(package="tests")
class Trained(keras.Model):
    """Learns the labels that its own layers have mixed."""

    def __init__(self, whole, **kwargs):
        super().__init__(**kwargs)
        self.whole = whole
        self.mixed_loss = MixedLoss("sparse_categorical_crossentropy")

    def call(self, inputs, training=False):
        outputs = self.whole(inputs, training=training)
        self.add_loss(self.mixed_loss(outputs["labels"], outputs["classes"]))
        return outputs["pairs"]


def test_a_network_of_two_encoders_trains_compiled():
    keras.utils.set_random_seed(1)
    ids = np.arange(64) % 4
    image, text = 0.3 * np.random.default_rng(1).normal(size=(2, 64, 8)).astype("float32")
    image[:, :4] += 2 * np.eye(4)[ids]
    text[:, 4:] += 2 * np.eye(4)[ids]
    model = Trained(two_encoders())
    model.compile(
        keras.optimizers.Adam(0.02),
        loss=CrossModalConsistencyLoss(temperature=0.5),
        metrics=[RecallAtK(1)],
        jit_compile=True,
    )
    history = model.fit(
        [image, text, ids], ids, batch_size=16, epochs=10, shuffle=False, verbose=0
    ).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert history["recall_at_1"][-1] > history["recall_at_1"][0]
