"""One trained model: what it is scored by, from the library and from the command."""

import json
import re

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import optimize

from keras_mix import calibration, cli, layers, models
from keras_mix.evaluate import Results, compare, model_file, robust, run, score_model
from keras_mix.evaluate.mixers import SwitchedOff

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
IDS = np.arange(60) % 3
IMAGES = (RNG.random((60, 8, 8, 1)) * 0.6 + 0.2 * IDS[:, None, None, None]).astype(np.float32)


def classifier(shape=(8, 8, 1), units=3, activation="softmax"):
    """A model of random weights that tells something apart."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(units, activation)
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), dense])


def test_folds_have_classes_and_errors_in_proportion():
    ids = np.repeat([0, 1, 2], [7, 40, 4])
    right = np.ones(51, bool)
    right[7:14] = False
    fold = run.folds(ids, right)
    for kind in (ids == 0, ids == 2, ~right, np.ones(51, bool)):
        counts = np.bincount(fold[kind], minlength=run.FOLDS)
        assert np.ptp(counts) <= 1
    np.testing.assert_array_equal(run.folds(ids, right), fold)


def test_each_fold_has_the_temperature_of_the_others():
    logits = RNG.normal(size=(400, 3))
    ids = (logits + RNG.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from the softmax

    def softmax(values):
        exponentials = np.exp(values)
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def nll(rows, temperature):
        return -np.log(softmax(sharp[rows] / temperature)[np.arange(len(rows)), ids[rows]])

    def best(rows):
        return optimize.minimize_scalar(lambda t: nll(rows, t).mean(), bounds=(0.5, 9)).x

    sharp, every = 3.0 * logits, np.arange(400)
    fold = run.folds(ids, sharp.argmax(axis=1) == ids)
    made = run.Run.of_predictions("none", softmax(sharp), ids)
    assert made.temperature == pytest.approx(best(every), rel=1e-3)
    scaled = [nll(every[fold == k], best(every[fold != k])) for k in range(run.FOLDS)]
    assert made.scaled.nll == pytest.approx(np.concatenate(scaled).mean(), rel=1e-4)
    assert made.nll == pytest.approx(nll(np.arange(400), 1.0).mean(), rel=1e-6)
    right = softmax(sharp).argmax(axis=1) == ids
    assert made.gap == pytest.approx(softmax(sharp).max(axis=1).mean() - right.mean())
    assert made.scaled.ece < made.ece


@pytest.mark.parametrize("ids", [[1], [0, 1], [1, 1, 1, 1]])
def test_few_samples_have_no_temperature(ids):
    made = run.Run.of_predictions("none", np.full((len(ids), 2), [0.6, 0.4]), np.array(ids))
    assert (made.temperature, made.scaled) == (None, None)
    assert made.gap_error > 0


def test_fewer_than_two_errors_have_no_temperature():
    ids = np.arange(40) % 2
    probabilities = np.where(np.eye(2)[ids], 0.9, 0.1)
    perfect = run.Run.of_predictions("none", probabilities, ids)
    assert (perfect.temperature, perfect.scaled) == (None, None)
    # 40 of 40 samples, each 90 % sure: 4 % of calibrated networks do as well.
    assert perfect.gap_error == pytest.approx(np.sqrt(0.09 / 40))
    probabilities[0] = [0.2, 0.8]
    assert run.Run.of_predictions("none", probabilities, ids).scaled is None
    probabilities[1] = [0.8, 0.2]
    two_errors = run.Run.of_predictions("none", probabilities, ids)
    assert two_errors.scaled.nll < 1.1 * two_errors.nll


@pytest.fixture(scope="module")
def full():
    return score_model(classifier(), (IMAGES, IDS), name="m", full=True)


def test_a_model_is_scored_without_training(full):
    model = classifier()
    predictions = np.asarray(model(IMAGES))
    (scored,) = full.runs
    assert scored.accuracy == np.mean(predictions.argmax(axis=1) == IDS)
    assert not full.trained
    assert full.settings["weights"] == model.count_params()
    assert Results.from_json(full.to_json()) == full


def test_full_measures_robustness(full):
    measured = full.runs[0].robustness
    assert measured.pgd <= measured.fgsm <= full.runs[0].accuracy
    assert list(measured.occlusion) == ["0.25", "0.5", "0.75"]
    assert measured.occluded == pytest.approx(np.mean([*measured.occlusion.values()]))
    assert set(measured.corruptions) == set(robust.CORRUPTIONS)
    assert measured.corrupted == pytest.approx(np.mean([*measured.corruptions.values()]))
    assert 0 <= measured.ood_auroc <= 1
    assert full.settings["attacked_samples"] == 60
    assert "robustness.fgsm" in full.summary()["m"]


def test_the_cells_of_images_change_places_and_nothing_is_lost():
    images = np.arange(2 * 9 * 8 * 3, dtype=np.float32).reshape(2, 9, 8, 3)
    jumbled = robust.jumbled(images, np.random.default_rng(0))
    np.testing.assert_array_equal(jumbled[:, 8], images[:, 8])  # no whole cell
    for before, after in zip(images, jumbled, strict=True):
        cells = [
            {array[y : y + 2, x : x + 2].tobytes() for y in range(0, 8, 2) for x in range(0, 8, 2)}
            for array in (before, after)
        ]
        assert cells[0] == cells[1]
        assert len(cells[0]) == 16
        assert (before[:8] != after[:8]).any()


def several(units):
    """A model whose outputs have the structure of `units`."""
    inputs = keras.Input(IMAGES.shape[1:])
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(
        inputs,
        keras.tree.map_structure(lambda n: keras.layers.Dense(n, "softmax")(flat), units),
    )


def of_two_inputs():
    inputs = [keras.Input(IMAGES.shape[1:]) for _ in range(2)]
    flat = keras.layers.Flatten()(keras.layers.Add()(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(flat))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": IMAGES[:, :, :, 0]}, r"`full` needs float images .*Received: float32 .*60, 8"),
        ({"images": 255 * IMAGES}, "with values from 0 to 1. Received: "),
        ({"ids": IDS[:-1]}, "`ids` the shape"),
        ({"ids": IDS + 1}, "from 0 to 2"),
        ({"model": classifier(activation=None)}, "pass from_logits=True for logits"),
        ({"from_logits": True}, "logits must not be probabilities"),
        ({"images": np.full_like(IMAGES, np.nan), "full": False}, "60 of 60 with NaN"),
        ({"images": IMAGES[:0]}, r"at least one sample. Received: shape \(0, 8"),
        ({"images": {"a": IMAGES}}, "must be a pair of an array .*Received: a tuple of dict, nd"),
        ({"images": [IMAGES, IMAGES[:, :4]]}, "must be a pair of an array .* a tuple of list, nd"),
        ({"model": "m.keras"}, "must be a Keras model. Received: str"),
        ({"model": several({"a": 3}), "full": False}, "must have one output .* a dict of 1"),
        ({"model": several([3, 2]), "full": False}, "must have one output .* a list of 2"),
        ({"model": of_two_inputs()}, "must have one input. Received: 2 inputs"),
        ({"model": models.RegMixup(of_two_inputs())}, "must have one input. Received: 2 inputs"),
    ],
)
def test_what_cannot_be_scored_is_refused(change, sentence):
    given = {"model": classifier(), "images": IMAGES, "ids": IDS, "full": True, **change}
    model, images, ids = (given.pop(name) for name in ("model", "images", "ids"))
    with pytest.raises(ValueError, match=sentence):
        score_model(model, (images, ids), **given)


def test_logits_and_probabilities_score_alike():
    given = classifier(), classifier(activation=None)
    scored = [
        score_model(model, (IMAGES, IDS), from_logits=bool(index)).runs[0]
        for index, model in enumerate(given)
    ]
    for field in ("accuracy", "nll", "ece", "gap", "temperature"):
        assert getattr(scored[0], field) == pytest.approx(getattr(scored[1], field), abs=1e-5)


def test_a_comparison_in_full_resumes(tmp_path):
    def build():
        return classifier()

    mixers = {"none": None, "late": SwitchedOff(layers.MixUp(alpha=1.0), 1)}
    options = {"epochs": 2, "batch_size": 20, "full": True, "output": tmp_path}
    first = compare(build, (IMAGES, IDS), (IMAGES, IDS), mixers, seeds=1, **options)
    assert [r.robustness is not None for r in first.runs] == [True, True]
    again = compare(build, (IMAGES, IDS), (IMAGES, IDS), mixers, seeds=1, **options)
    assert again == first
    with pytest.raises(ValueError, match="full was True and is False"):
        compare(build, (IMAGES, IDS), (IMAGES, IDS), mixers, **{**options, "full": False})
    with pytest.raises(ValueError, match="`full` needs float images"):
        compare(build, (IMAGES, IDS), (IMAGES * 9, IDS), mixers, full=True)


def test_a_mixer_that_is_switched_off_is_none_from_then_on():
    def losses(mixer):
        found = compare(
            classifier, (IMAGES, IDS), (IMAGES, IDS), {"m": mixer}, epochs=3, batch_size=20, seeds=1
        )
        return found.runs[0]

    mixup, plain = layers.MixUp(alpha=1.0), losses(None)
    assert losses(SwitchedOff(mixup, 3)).losses == plain.losses  # the same order of samples
    switched, mixed = losses(SwitchedOff(mixup, 1)), losses(mixup)
    assert switched.losses[:2] == mixed.losses[:2]
    assert switched.losses[2] != mixed.losses[2]

    def on_device(model):
        return models.MixingModel(model, mixer=layers.MixUp(alpha=1.0))

    switched, mixed = losses(SwitchedOff(on_device, 1)), losses(on_device)
    assert switched.losses[:2] == mixed.losses[:2]
    assert switched.losses[2] != mixed.losses[2]


# The command


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Models that plain Keras has saved, and a folder of two classes."""
    made = tmp_path_factory.mktemp("files")
    classifier().save(made / "digits.keras")
    classifier((8, 8, 1), 10).save(made / "ten.keras")
    classifier((6, 4, 3), 1, "sigmoid").save(made / "one.keras")
    classifier((6, 4, 3), 2, None).save(made / "logits.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(made / "table.keras")
    anywhere = keras.layers.GlobalAveragePooling2D()
    keras.Sequential(
        [keras.Input((None, None, 1)), anywhere, keras.layers.Dense(2, "softmax")]
    ).save(made / "any.keras")
    several({"a": 3}).save(made / "several.keras")
    nan = classifier((6, 4, 3), 2)
    nan.set_weights([np.full_like(weight, np.nan) for weight in nan.get_weights()])
    nan.save(made / "nan.keras")
    (made / "damaged.keras").write_bytes((made / "one.keras").read_bytes()[:2000])
    for k, name in enumerate(("cat", "dog")):
        (made / "data" / name).mkdir(parents=True)
        for i in range(6):
            pixels = RNG.integers(0, 120 + 100 * k, (7, 9, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(made / "data" / name / f"{i}.png")
    (made / "empty" / "a").mkdir(parents=True)
    (made / "empty" / "b").mkdir()
    return made


def command(*argv):
    return cli.main([str(arg) for arg in argv])


def test_the_command_scores_a_folder(files, tmp_path, capsys):
    output = tmp_path / "made"
    argv = ["evaluate", files / "one.keras", files / "data", "--output", output]
    assert command(*argv, "--value-range=-1,1", "--full") == 0
    captured = capsys.readouterr()
    assert "The classes, in this order: cat, dog." in captured.err
    assert "one.keras is right on " in captured.out
    assert "OOD AUROC" in captured.out
    assert {path.name for path in output.iterdir()} == {"report.html", "results.json"}
    results = Results.from_json((output / "results.json").read_text("utf-8"))
    assert results.settings["sample_shape"] == [6, 4, 3]
    assert results.settings["value_range"] == [-1.0, 1.0]
    page = (output / "report.html").read_text("utf-8")
    assert "is right on " in page
    assert "epochs" not in page.split("<main>")[0].split("</style>")[1]


def test_the_command_scores_a_data_set_that_keeps_its_size(files, tmp_path, capsys):
    assert command("evaluate", files / "ten.keras", "digits", "--output", tmp_path / "o") == 0
    content = json.loads((tmp_path / "o" / "results.json").read_text("utf-8"))
    assert content["settings"]["validation_samples"] == 359


def test_the_size_may_be_given_where_the_model_leaves_it_open(files, tmp_path, capsys):
    argv = ["evaluate", files / "any.keras", files / "data", "--output", tmp_path / "o"]
    assert command(*argv, "--image-size", 5) == 0
    content = json.loads((tmp_path / "o" / "results.json").read_text("utf-8"))
    assert content["settings"]["sample_shape"] == [5, 5, 1]  # gray


def rescaled(base):
    model = calibration.MixupRescaling(base)
    model.adapt(IMAGES, IDS)
    return model


@pytest.mark.parametrize(
    "wrap",
    [
        models.RegMixup,
        models.MixingModel,
        models.InterpolationConsistency,
        rescaled,
        lambda base: models.TestTimeAugmentation(base, augmentations=[None]),
        lambda base: calibration.VectorScaling().wrap(models.MixMatch(base)),
    ],
)
def test_saved_models_of_the_package_have_the_shapes_of_the_model_inside(tmp_path, wrap):
    shape = IMAGES.shape[1:]
    model = wrap(classifier(shape, 3))
    model(IMAGES)
    model.save(tmp_path / "m.keras")
    found = model_file.load(tmp_path / "m.keras")
    assert (found.height, found.width, found.channels, found.classes) == (*shape, 3)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["missing.keras", "data"], "must be a .keras file. Received: '.*', no such file"),
        (["data", "data"], "must be a .keras file. Received: '.*', a folder"),
        (["damaged.keras", "data"], "must be a file that `model.save` wrote"),
        (["table.keras", "data"], "must take one batch of images .* Received: inputs of shape"),
        (["several.keras", "data"], "must give one batch .* Received: a dict of outputs"),
        (["one.keras", "nowhere"], "unknown data set, and no such folder"),
        (["one.keras", "empty"], "must hold images that Pillow can read"),
        (["digits.keras", "data"], "must have the 3 classes .* Received: 2 classes, cat, dog"),
        (["ten.keras", "data"], "must have the 10 classes"),
        (["one.keras", "digits"], "must have the 2 classes .* Received: 10 classes"),
        (["logits.keras", "data"], "--logits for logits"),
        (["one.keras", "data", "--image-size", "8"], "takes images of 6×4 pixels"),
        (["any.keras", "data"], "--image-size must be given"),
        (["nan.keras", "data"], "12 of 12 with NaN"),
        (["one.keras", "data", "--value-range", "1,0"], "black must be less than white"),
        (["one.keras", "data", "--value-range", "1"], "argument --value-range"),
    ],
)
def test_the_command_refuses_in_one_sentence_and_writes_nothing(
    files, tmp_path, capsys, argv, sentence
):
    given = [files / arg if (files / arg).exists() or ".keras" in arg else arg for arg in argv]
    assert command("evaluate", *given, "--output", tmp_path / "o") == 2
    *notes, error = capsys.readouterr().err.splitlines()
    assert all(note.startswith("The classes, ") for note in notes)
    assert error.startswith("keras-mix: error: ")
    assert re.search(sentence, error), error
    assert not (tmp_path / "o").exists()
