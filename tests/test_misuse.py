"""What is given in the wrong place is named in a sentence, with the right way to give it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import every_mixer

from keras_mix import callbacks, data, label_rules, layers, models, pairings, recipes
from keras_mix.layers import CutMix, MixUp, RandomApply, RandomChoice

X, IDS = np.random.default_rng(0).random((4, 8, 8, 1), "float32"), np.arange(4)


def base():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])


@pytest.mark.parametrize("mixer", [CutMix, RandomChoice, layers.SynchronizedAugmentation])
@pytest.mark.parametrize("batch", [(X, IDS), {"images": X, "labels": IDS}, X])
def test_a_class_mapped_over_a_dataset_is_refused(mixer, batch):
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(2)
    with pytest.raises(ValueError, match=rf"{mixer.__name__}: call an instance of the layer"):
        dataset.map(mixer)


def test_a_class_called_with_arrays_is_refused():
    with pytest.raises(ValueError, match=r"Create a layer first: `dataset.map\(MixUp\(…\)\)`"):
        MixUp(X, IDS)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RandomChoice([MixUp(), CutMix]), "RandomChoice: `mixers` must be an instance"),
        (lambda: RandomApply(CutMix), r"`mixer` must be an .*=CutMix. Create one: CutMix\(…\)"),
        (lambda: layers.CrossModalMix(cuts={"x": CutMix}), r"`cuts\['x'\]` must be an instance"),
        (
            lambda: MixUp(pairing=pairings.ByLabel),
            r"`pairing` must be .* Create one: ByLabel",
        ),
        (lambda: MixUp(label_rule=label_rules.Remix), "`label_rule` must be an instance"),
        (
            lambda: models.MixingModel(base(), mixer=CutMix),
            "MixingModel: `mixer` must be an instance",
        ),
        (lambda: models.MixingModel(base(), mixer=[MixUp(), CutMix]), "`mixer` must be .*=CutMix"),
        (lambda: models.ManifoldMixup(base(), mixer=MixUp), "ManifoldMixup: `mixer` must be"),
        (lambda: models.MixingModel(keras.Sequential), "`model` must be an instance, not a class"),
        (lambda: data.mix(tf.data.Dataset.range(4).batch(2), CutMix), "data.mix: `layer` must be"),
    ],
)
def test_a_class_where_an_object_is_due_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (MixUp, {"kinds": "images"}),
        (layers.CrossModalMix, {"cuts": CutMix()}),
        (layers.CrossModalMix, {"sampling_rates": 16000}),
        (layers.SynchronizedAugmentation, {"sampling_rates": 25}),
        (layers.TabularMix, {"one_hot": ["job"]}),
    ],
)
def test_what_must_be_a_dict_is_refused_otherwise(make, options):
    (name,) = options
    with pytest.raises(
        ValueError, match=rf"`{name}` must be a dict keyed by name\. Received: {name}="
    ):
        make(**options)


@pytest.mark.parametrize("names", ["id", None, 3, [1]])
def test_names_must_be_a_list(names):
    with pytest.raises(ValueError, match=r"`passthrough` must be a list of strings\. Received"):
        MixUp(passthrough=names)


@pytest.mark.parametrize(
    ("make", "options", "meant"),
    [
        (CutMix, {"factor": 0.2}, "alpha"),
        (CutMix, {"p": 0.5}, "rate"),
        (MixUp, {"prob": 0.5}, "rate"),
        (MixUp, {"mixup_alpha": 1.0}, "alpha"),
        (MixUp, {"nb_classes": 10}, "num_classes"),
        (MixUp, {"smoothing": 0.1}, "label_smoothing"),
        (MixUp, {"labelsmoothing": 0.1}, "label_smoothing"),
        (layers.RandomChoice, {"mixers": [MixUp()], "p": [1.0]}, "probabilities"),
        (layers.FeatureMix, {"p": 0.5}, "rate"),
        (layers.ModalityDropout, {"rates": 0.5}, "rate"),
        (lambda **options: models.MixingModel(base(), **options), {"prob": 0.5}, "rate"),
        (pairings.ByLabel, {"bw": 1.0}, "bandwidth"),
        (pairings.ByClass, {"relations": "same"}, "relation"),
        (label_rules.Remix, {"class_counts": [9, 1], "taus": 0.5}, "tau"),
        (callbacks.MixSchedule, {"alphas": 1.0}, "alpha"),
    ],
)
def test_an_unknown_argument_is_named_with_the_one_that_was_meant(make, options, meant):
    name = list(options)[-1]
    with pytest.raises(
        ValueError, match=rf": `{name}` is not an argument\. Received: {name}="
    ) as e:
        make(**options)
    assert f"Did you mean '{meant}'?" in str(e.value)
    assert f"{meant}, " in str(e.value).partition("The arguments are ")[2]


@pytest.mark.parametrize(
    ("recipe", "given", "meant"),
    [
        (recipes.deit, "label_smothing", "label_smoothing"),
        (recipes.cutmix_cifar, "alhpa", "alpha"),
        (recipes.cutmix_imagenet, "mode", "per"),
        (recipes.big_vision, "smoothing", "label_smoothing"),
        (recipes.deit3, "nm_classes", "num_classes"),
        (recipes.rsb, "prob", "rate"),
        (recipes.torchvision, "label_smothing", "label_smoothing"),
        (recipes.segmentation, "nm_classes", "num_classes"),
        (recipes.balanced_mixup, "alhpa", "alpha"),
    ],
)
def test_an_unknown_argument_of_a_recipe_is_answered_with_those_of_the_recipe(recipe, given, meant):
    owner = rf"^recipes\.{recipe.__name__}: `{given}` is not an argument\. "
    with pytest.raises(ValueError, match=rf"{owner}.* Did you mean '{meant}'\?") as caught:
        recipe(**{given: 0.5})
    named = str(caught.value).partition("The arguments are ")[2].rstrip(".").split(", ")
    assert {"per", "pairing", "num_classes"} < set(named)
    fixed = (
        recipes.deit,
        recipes.deit3,
        recipes.rsb,
        recipes.torchvision,
        recipes.segmentation,
    )
    assert ("alpha" in named) == (recipe not in fixed)
    assert "mixers" not in named


def test_an_argument_that_is_like_no_other_is_refused_with_the_list_of_all():
    with pytest.raises(ValueError, match=r"Received: stop_at=1\. The arguments are alpha, "):
        callbacks.MixSchedule(stop_at=1)


def test_a_schedule_of_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"MixSchedule: .* changes nothing\. Received: MixSchedule"
    ):
        callbacks.MixSchedule()
    assert callbacks.MixSchedule(unmixed_epochs=0).unmixed_epochs == 0


@pytest.mark.parametrize(("name", "meant"), [("rte", "rate"), ("probability", "probabilities")])
def test_a_misspelled_dial_is_refused_with_the_one_that_was_meant(name, meant):
    model = models.MixingModel(base())
    with pytest.raises(AttributeError, match=f"Received: {name}=2. Did you mean '{meant}'"):
        setattr(model.dials, name, 2)
    assert model.dials.rate == 1.0


@pytest.mark.parametrize("name", ["alpha", "rate", "probabilities"])
def test_a_dial_that_is_set_on_the_model_itself_is_refused(name):
    model = models.MixingModel(base())
    with pytest.raises(AttributeError, match=rf"=0\.5\. Set `model\.dials\.{name}`"):
        setattr(model, name, 0.5)


def test_a_model_after_its_mixer_is_refused():
    with pytest.raises(ValueError, match=r"CutMix\(\)\. The model comes first: MixingModel"):
        models.MixingModel(CutMix(), mixer=base())
    with pytest.raises(ValueError, match=r"CutMix\(\)\. The model comes first: ManifoldMixup"):
        models.ManifoldMixup(CutMix(), base())


@pytest.mark.parametrize("wrapper", [models.MixingModel, models.ManifoldMixup])
def test_a_mixer_in_second_place_is_refused_with_its_name(wrapper):
    with pytest.raises(
        ValueError, match=r"only `model` can be positional.*: .*\(model=.*, mixer=CutMix\(\)\)\.$"
    ):
        wrapper(base(), CutMix())


@every_mixer
def test_every_mixer_lists_its_arguments(row):
    with pytest.raises(ValueError, match=r"`xyz` is not .* num_classes, .*, seed, name, dtype\.$"):
        row.make(xyz=1)


def test_an_integer_seeds_a_call_as_two_do():
    mixer = CutMix(num_classes=4)
    for seed, same in [(7, [7, 0]), (-1, [-1, -1]), (2**32 + 5, [5, 1])]:
        expected = mixer(X, IDS, seed=tf.constant(same, tf.int32))[1]
        assert np.array_equal(mixer(X, IDS, seed=seed)[1], expected)
        assert np.array_equal(mixer(X, IDS, seed=np.int64(seed))[1], expected)
        assert np.array_equal(mixer(X, IDS, seed=np.array(same))[1], expected)
    assert not np.array_equal(mixer(X, IDS, seed=7)[0], mixer(X, IDS, seed=8)[0])


@pytest.mark.parametrize("seed", [1.5, True, "a", [1, 2, 3], [1.0, 2.0], tf.constant(1), object()])
def test_any_other_seed_of_a_call_is_refused(seed):
    for call in (
        lambda: MixUp(num_classes=4)(X, IDS, seed=seed),
        lambda: layers.SynchronizedAugmentation(frames=["x"])({"x": X}, seed=seed),
    ):
        with pytest.raises(ValueError, match=r"`seed` must be an integer, or two of them\."):
            call()
