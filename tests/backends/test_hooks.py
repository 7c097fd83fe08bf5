"""Wrappers that share a base, or layers, in contexts and threads of any order."""

import threading

import keras
import numpy as np
import pytest
from keras import layers

from keras_mix.models import ManifoldMixup, MixingModel
from keras_mix.models._forward.tracking import Hooks

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.zeros((8, 3), "float32")


def base_of():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, name="one"), layers.Dense(3, name="two")]
    )


def hooked(base):
    return [layer.name for layer in (base, *base.layers) if "call" in layer.__dict__]


@pytest.mark.parametrize("first_out", [0, 1])
def test_contexts_around_one_base_end_in_any_order(first_out):
    base = base_of()
    contexts = [Hooks(base), Hooks(base)]
    for context in contexts:
        context.__enter__()
    contexts[first_out].__exit__()
    assert hooked(base) == [base.name, "one", "two"]
    contexts[1 - first_out].__exit__()
    assert hooked(base) == []


def test_wrappers_around_one_base_train_in_turn():
    base = base_of()
    models = [MixingModel(base), ManifoldMixup(base, mix_at=["one"])]
    for model in models:
        model.compile(keras.optimizers.SGD(0.01), "mse")
    for _ in range(2):
        for model in models:
            assert np.isfinite(model.train_on_batch(X, Y))
    outputs = [model(X, training=True) for model in models]
    for model, predicted in zip(models, outputs, strict=True):
        model.compute_loss(X, keras.ops.convert_to_tensor(Y), predicted, training=True)
    assert hooked(base) == []


def test_wrappers_around_one_base_in_threads():
    base, failed = base_of(), []

    def call(model):
        try:
            for _ in range(20):
                model(X, training=True)
        except Exception as error:
            failed.append(error)

    models = [ManifoldMixup(base, mix_at=[place]) for place in ("one", "two", "input")]
    threads = [threading.Thread(target=call, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert hooked(base) == []


def test_a_call_of_an_instance_comes_back():
    base = base_of()
    own = base.get_layer("one").call
    base.get_layer("one").__dict__["call"] = own
    first, second = Hooks(base), Hooks(base)
    first.__enter__()
    second.__enter__()
    first.__exit__()
    second.__exit__()
    assert base.get_layer("one").__dict__["call"] is own


class Growing(keras.Model):
    """Gets a layer after its first training step."""

    def __init__(self):
        super().__init__()
        self.one = layers.Dense(3, name="one")
        self.more = []

    def call(self, inputs):
        x = self.one(inputs)
        for layer in self.more:
            x = layer(x)
        return x


def test_layers_that_are_added_later_report_too():
    base = Growing()
    context = Hooks(base)
    with context:
        assert "call" in base.one.__dict__
    base.more.append(layers.Dense(3, name="later"))
    with context:
        assert "call" in base.more[0].__dict__
    assert "call" not in base.more[0].__dict__
