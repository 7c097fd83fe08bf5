"""The rates and concentrations of MixSchedule, epoch by epoch, without training."""

import keras
import numpy as np
import pytest

from keras_mix.callbacks import MixSchedule
from keras_mix.models import MixingModel, TestTimeAugmentation


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
        # Halves are rounded up.
        ({"unmixed_epochs": 0.5}, 5, [1, 1, 0, 0, 0]),
        ({"unmixed_epochs": np.float32(0.5)}, 3, [1, 0, 0]),
        ({"warmup_epochs": 0.5}, 3, [0, 0.5, 1]),
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
        ({"rate": (0, 1), "every": "batch"}, "`every` must be one of"),
        ({"unmixed_epochs": 3, "every": "step"}, "`every=.step.` is for values that change within"),
        ({"probabilities": {1: [1, 0]}}, "`probabilities` must be .* including 0"),
        ({"probabilities": {0: [1, 0], "5": [0, 1]}}, "`probabilities` must be an integer"),
        ({"probabilities": {0: [1, 0], -5: [0, 1]}}, "`probabilities` must be an integer"),
        ({"probabilities": {0: None}}, "`probabilities` must be .* and list numbers"),
        ({"probabilities": {0: [1, -1]}}, "`probabilities` must be a finite number"),
        ({"probabilities": {0: [0, 0]}}, "`probabilities` must be .* one is above 0"),
    ],
)
def test_what_it_refuses(options, sentence):
    with pytest.raises(ValueError, match=f"^MixSchedule: {sentence}"):
        MixSchedule(**options)


def model_of_two(**options):
    base = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="dense")])
    return MixingModel(base, mix_at=["input", "dense"], **options)


def begun(model, *schedules, epochs=4):
    for schedule in schedules:
        schedule.set_model(model)
        schedule.set_params({"epochs": epochs})
        schedule.on_train_begin()
    return model


def test_phases_of_another_number_of_choices_are_refused_before_the_first():
    schedule = MixSchedule(probabilities={0: [1, 0], 50: [1, 0, 0]})
    with pytest.raises(ValueError, match=r"^MixSchedule: `probabilities` .* of the 2 choices"):
        begun(model_of_two(), schedule)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": lambda epoch: -1.0}, "`alpha` must be"),
        ({"rate": lambda epoch: 2.0}, "`rate` must be a finite number between 0 and 1"),
        ({"rate": lambda epoch: None, "warmup_epochs": 2}, "`rate` must be a finite number"),
        ({"probabilities": lambda epoch: [1]}, "`probabilities` must be a list"),
    ],
)
def test_what_a_callable_returns_is_checked(options, sentence):
    schedule = MixSchedule(**options)
    begun(model_of_two(), schedule)
    with pytest.raises(ValueError, match=f"^MixSchedule: {sentence}"):
        schedule.on_epoch_begin(0)


def test_several_schedules_set_different_dials():
    rate, alpha = MixSchedule(rate=(0.2, 0.8)), MixSchedule(alpha=(1.0, 4.0))
    model = begun(model_of_two(), rate, alpha)
    for schedule in (rate, alpha):
        schedule.on_epoch_begin(1)
    assert (model.dials.rate, model.dials.alpha) == (pytest.approx(0.4), pytest.approx(2.0))
    with pytest.raises(ValueError, match=r"^MixSchedule: a dial must .* two schedules of `rate`"):
        begun(model, MixSchedule(unmixed_epochs=1))
    # The same one may begin again, and after a rest any other.
    begun(model, rate)
    model.dials.rest()
    begun(model, MixSchedule(unmixed_epochs=1))


def test_what_is_saved_in_a_schedule_is_what_it_goes_on_from(tmp_path):
    """A warm-up to a rate of 0.8, interrupted after its first half."""
    options = {"rate": 0.8, "alpha": 0.5}
    schedule = MixSchedule(
        warmup_epochs=4, alpha=(1.0, 2.0), probabilities={0: [1, 0]}, unmixed_epochs=1
    )
    model = begun(model_of_two(**options), schedule, epochs=6)
    schedule.on_epoch_begin(2)
    assert model.dials.rate == pytest.approx(0.4)
    model.save_weights(tmp_path / "w.weights.h5")
    model.save(tmp_path / "model.keras")
    assert model.dials.rate == pytest.approx(0.4)
    assert model.dials.probabilities == [1, 0]
    found = keras.models.load_model(tmp_path / "model.keras")
    assert (found.dials.rate, found.dials.alpha) == (0.8, 0.5)
    assert found.dials.probabilities == [0.5, 0.5]
    for loads_first in (True, False):
        resumed = model_of_two()
        again = MixSchedule(warmup_epochs=4)
        if not loads_first:
            begun(resumed, again, epochs=6)
        resumed.load_weights(tmp_path / "w.weights.h5")
        if loads_first:
            begun(resumed, again, epochs=6)
        rates = []
        for epoch in (3, 4):
            again.on_epoch_begin(epoch)
            rates.append(resumed.dials.rate)
        assert rates == pytest.approx([0.6, 0.8])
        resumed.dials.rest()
        assert (resumed.dials.rate, resumed.dials.alpha) == (0.8, 0.5)


def test_a_model_changes_from_epoch_to_epoch():
    with pytest.raises(ValueError, match=r"^MixSchedule: `every=.step.` is for pipelines"):
        begun(model_of_two(), MixSchedule(warmup_epochs=1, every="step"))


def test_a_model_that_does_not_mix_is_refused():
    base = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model = TestTimeAugmentation(base, augmentations=[None])
    with pytest.raises(ValueError, match=r"^MixSchedule: the model must mix in its train step"):
        begun(model, MixSchedule(unmixed_epochs=1))
