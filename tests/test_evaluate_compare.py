"""Runs: fair, repeatable, kept and resumed."""

import json

import keras
import numpy as np
import pytest

from keras_mix.evaluate import Results, compare, networks
from keras_mix.layers import MixUp

pytestmark = pytest.mark.slow

CLASSES = 3
SETTINGS = {"epochs": 2, "seeds": 2, "batch_size": 8}


def samples(seed, count=20):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, CLASSES, count)
    return (rng.random((count, 4, 4, 1)) + ids[:, None, None, None]).astype(np.float32), ids


TRAIN, VALIDATION = samples(0), samples(1, 30)


def build(units=4, activation="softmax"):
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(CLASSES, activation=activation),
        ]
    )


class Counting:
    """Builds models and counts them; the first one of each comparison is only looked at."""

    def __init__(self):
        self.built = 0

    def __call__(self):
        self.built += 1
        return build()


def measured(run):
    """What a run measured, without the time it took."""
    return {key: value for key, value in vars(run).items() if key not in ("mixer", "seconds")}


@pytest.fixture(scope="module")
def results():
    mixers = {"none": None, "off": MixUp(alpha=0.0), "mixup": MixUp(alpha=1.0)}
    return compare(build, TRAIN, VALIDATION, mixers, **SETTINGS)


def test_each_mixer_has_a_run_at_each_seed(results):
    assert [(run.mixer, run.seed) for run in results.runs] == [
        (name, seed) for seed in (0, 1) for name in ("none", "off", "mixup")
    ]
    for run in results.runs:
        assert len(run.losses) == 2
        assert sum(run.reliability.counts) == 30
        assert 0 <= run.accuracy <= 1
        assert run.seconds > 0


def test_a_mixer_that_never_mixes_equals_none(results):
    """So weights, order of samples and steps are the same for all mixers."""
    for seed in (0, 1):
        assert measured(results.of("off")[seed]) == measured(results.of("none")[seed])
        assert measured(results.of("mixup")[seed]) != measured(results.of("none")[seed])


def test_seeds_differ(results):
    assert measured(results.of("none")[0]) != measured(results.of("none")[1])


def test_equal_seeds_give_equal_results(results):
    again = compare(build, TRAIN, VALIDATION, "mixup:alpha=1", **{**SETTINGS, "seeds": [1]})
    assert measured(again.runs[0]) == measured(results.of("mixup")[1])


def test_mean_and_sample_deviation(results):
    values = [run.nll for run in results.of("mixup").values()]
    spread = results.summary()["mixup"]["nll"]
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.deviation == pytest.approx(np.std(values, ddof=1))
    assert spread.count == 2


def test_json_round_trip(results):
    read = Results.from_json(results.to_json())
    assert read == results
    assert json.loads(results.to_json())["summary"]["none"]["nll"]["count"] == 2


def test_interrupted_it_keeps_what_is_finished_and_goes_on(tmp_path, results):
    def interrupt(done, total, text):
        if "run 2 of 4" in text and done % 2:
            raise KeyboardInterrupt

    mixers = ["none", "mixup:alpha=1"]
    options = {**SETTINGS, "output": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        compare(build, TRAIN, VALIDATION, mixers, progress=interrupt, **options)
    kept = Results.from_json((tmp_path / "results.json").read_text("utf-8"))
    assert [(run.mixer, run.seed) for run in kept.runs] == [("none", 0)]

    counting = Counting()
    finished = compare(counting, TRAIN, VALIDATION, mixers, **options)
    assert counting.built == 1 + 3
    assert finished.runs[0] == kept.runs[0]
    for run in finished.runs:
        of_the_whole = results.of("none" if run.mixer == "none" else "mixup")[run.seed]
        assert measured(run) == measured(of_the_whole)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]

    again = compare(counting, TRAIN, VALIDATION, mixers, progress=True, **options)
    assert counting.built == 1 + 3 + 1
    assert again == finished


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with one finished run."""
    output = tmp_path_factory.mktemp("finished")
    compare(build, TRAIN, VALIDATION, {"m": None}, epochs=1, seeds=1, output=output)
    return output


def test_more_mixers_and_seeds_join_a_folder(finished):
    options = {"epochs": 1, "output": finished}
    grown = compare(build, TRAIN, VALIDATION, {"n": None}, seeds=[4], **options)
    assert [(run.mixer, run.seed) for run in grown.runs] == [("m", 0), ("n", 4)]
    assert grown.measured == ["m", "n"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epochs": 2}, "epochs was 1 and is 2"),
        ({"batch_size": 5}, "batch_size was 32 and is 5"),
        ({"learning_rate": 0.1}, r"learning_rate was 0.003 and is 0.1"),
        ({"train": samples(5)}, "data was .* and is "),
        ({"build_model": lambda: build(units=5)}, "model was .* weights was"),
        ({"mixers": {"m": MixUp()}}, "m was None and is {.*alpha"),
    ],
)
def test_a_folder_with_other_settings_is_refused(finished, change, sentence):
    arguments = {
        "build_model": build, "train": TRAIN, "validation": VALIDATION, "mixers": {"m": None},
        "epochs": 1, "seeds": 1, "output": finished,
    }  # fmt: skip
    with pytest.raises(ValueError, match=rf"{sentence}.*Choose another folder"):
        compare(**{**arguments, **change})


def test_a_folder_with_another_file_of_that_name_is_refused(tmp_path):
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(ValueError, match="must be what `to_json` wrote"):
        compare(build, TRAIN, VALIDATION, {"m": None}, epochs=1, output=tmp_path)


def test_a_folder_that_cannot_be_written_is_refused_before_any_training(tmp_path):
    (tmp_path / "file").write_text("")
    counting = Counting()
    with pytest.raises(OSError, match=r"folder must be one that can be written. Received: '.*file"):
        compare(counting, TRAIN, VALIDATION, {"m": None}, output=tmp_path / "file" / "below")
    assert counting.built == 0


def compiled(loss):
    network = build()
    network.compile("sgd", loss)
    return network


def test_a_compiled_model_is_trained_as_it_is():
    results = compare(
        lambda: compiled("categorical_crossentropy"), TRAIN, VALIDATION, {"m": None},
        epochs=1, seeds=1,
    )  # fmt: skip
    assert results.settings["learning_rate"] is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1. Received: 0"),
        ({"seeds": 0}, "`seeds` must be at least 1. Received: 0"),
        ({"batch_size": -1}, "`batch_size` must be at least 1. Received: -1"),
        ({"learning_rate": 0.0}, "`learning_rate` must be above 0. Received: 0.0"),
        ({"train": (TRAIN[0], np.eye(CLASSES)[TRAIN[1]])}, r"`train` must be .* and \(20, 3\)"),
        ({"validation": (VALIDATION[0], TRAIN[1])}, "`validation` must be"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, "from 0 to 2, .* Received: 3 as the largest"),
        ({"build_model": lambda: build(activation=None)}, "end the model with a softmax"),
        (
            {"build_model": lambda: compiled("sparse_categorical_crossentropy")},
            "takes one-hot labels",
        ),
        ({"mixers": "mixip"}, "unknown mixer"),
    ],
)
def test_refusals(change, sentence):
    arguments = {"build_model": build, "train": TRAIN, "validation": VALIDATION}
    with pytest.raises(ValueError, match=sentence):
        compare(**{**arguments, **change})


def test_a_training_that_diverges_is_named():
    with pytest.raises(ValueError, match=r"compare: m, seed 0: .* must be finite .* diverged"):
        compare(
            build, (TRAIN[0] * np.inf, TRAIN[1]), VALIDATION, {"m": None}, epochs=1, seeds=1
        )  # fmt: skip


@pytest.mark.parametrize("name", networks.STAGES)
def test_networks_return_probabilities(name):
    network = networks.build(name, (8, 8, 3), 4)
    probabilities = np.asarray(network(np.zeros([2, 8, 8, 3], np.float32)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)


def test_networks_refuse_what_they_cannot_be():
    with pytest.raises(ValueError, match=r"Received: 'huge'. Known: small, medium"):
        networks.build("huge", (8, 8, 3), 4)
    with pytest.raises(ValueError, match=r"at least 8×8 pixels. Received: input_shape=.4, 4, 1"):
        networks.build("medium", (4, 4, 1), 4)
