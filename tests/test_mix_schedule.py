"""The rates and concentrations of MixSchedule, epoch by epoch, without training."""

import keras
import numpy as np
import pytest

from keras_mix.callbacks import MixSchedule
from keras_mix.models import MixingModel


def followed(schedule, epochs, rate=1.0):
    """(rate, alpha) of a model in each epoch."""
    base = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model = MixingModel(base, alpha=0.3, rate=rate)
    schedule.set_model(model)
    schedule.set_params({"epochs": epochs})
    schedule.on_train_begin()
    found = []
    for epoch in range(epochs):
        schedule.on_epoch_begin(epoch)
        found.append((model.dials.rate, model.dials.alpha))
    model.dials.rest()
    assert (model.dials.rate, model.dials.alpha) == (rate, 0.3)
    return np.array(found).T


@pytest.mark.parametrize(
    ("options", "epochs", "rates"),
    [
        ({"unmixed_epochs": 2}, 5, [1, 1, 1, 0, 0]),
        ({"unmixed_epochs": 0.2}, 10, [1] * 8 + [0] * 2),
        # 2.5 epochs are rounded to an even number, as Python does.
        ({"unmixed_epochs": 0.5}, 5, [1, 1, 1, 0, 0]),
        ({"warmup_epochs": 4}, 6, [0, 0.25, 0.5, 0.75, 1, 1]),
        ({"warmup_epochs": 0.5, "shape": "cosine"}, 4, [0, 0.5, 1, 1]),
        ({"warmup_epochs": 3, "shape": "cosine"}, 4, [0, 0.25, 0.75, 1]),
        ({"warmup_epochs": 4, "unmixed_epochs": 2}, 4, [0, 0.25, 0, 0]),
        ({"warmup_epochs": 2, "rate": (1.0, 0.5)}, 3, [0, 0.375, 0.5]),
        ({"rate": (0.0, 1.0), "shape": "cosine"}, 4, [0, 0.25, 0.75, 1]),
        ({"rate": (0.4, 0.8)}, 1, [0.4]),
    ],
)
def test_rates(options, epochs, rates):
    np.testing.assert_allclose(followed(MixSchedule(**options), epochs)[0], rates, atol=1e-6)


def test_a_warm_up_leads_to_the_models_own_rate():
    found, _ = followed(MixSchedule(warmup_epochs=2), 4, rate=0.6)
    np.testing.assert_allclose(found, [0, 0.3, 0.6, 0.6], atol=1e-6)


def test_a_ramp_of_alpha_follows_the_shape():
    _, alphas = followed(MixSchedule(alpha=(0.2, 1.0), shape="cosine"), 4)
    np.testing.assert_allclose(alphas, [0.2, 0.4, 0.8, 1.0], rtol=1e-6)


@pytest.mark.parametrize("unmixed", [5, 7, 0.95])
def test_a_warning_tells_that_no_epoch_is_mixed(unmixed):
    with pytest.warns(UserWarning, match=rf"no epoch is mixed, since unmixed_epochs={unmixed}"):
        rates, _ = followed(MixSchedule(unmixed_epochs=unmixed), 5)
    assert not rates.any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"unmixed_epochs": 1.0}, "`unmixed_epochs` must be an integer of at least 0, or a float"),
        ({"warmup_epochs": -1}, "`warmup_epochs` must be an integer of at least 0, or a float"),
        ({"warmup_epochs": True}, "`warmup_epochs` must be an integer of at least 0"),
        ({"warmup_epochs": float("nan")}, "`warmup_epochs` must be an integer of at least 0"),
        ({"warmup_epochs": 3, "shape": "exponential"}, "`shape` must be one of"),
        ({"unmixed_epochs": 3, "shape": "cosine"}, "`shape` is that of ramps and of the warm-up"),
    ],
)
def test_what_it_refuses(options, sentence):
    with pytest.raises(ValueError, match=f"^MixSchedule: {sentence}"):
        MixSchedule(**options)
