"""A missing modality is made once, kept, flagged and weighted; failures are skipped and counted."""

import errno
import io
import os
import re
import shutil
import subprocess
import wave

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix.synthesis import FillModality
from keras_mix.synthesis import _disk_cache as disk_cache

TEXTS = ["one", "two words", "", "vier", "one"]
WAVE = tf.TensorSpec([None], tf.float32)


class Hum:
    """A tone as long as the text; it fails at texts that are empty or named, and counts calls."""

    def __init__(self, *fails):
        self.fails = fails
        self.calls = []

    def __call__(self, text):
        assert isinstance(text, str)
        self.calls.append(text)
        if not text or text in self.fails:
            raise RuntimeError(f"cannot say {text!r}")
        return np.sin(np.arange(10 * len(text)) * ord(text[0]))


def texts(*others):
    parts = {"text": TEXTS, "id": np.arange(5)}
    return tf.data.Dataset.from_tensor_slices((parts, *others) if others else parts)


def filled(generator, dataset=None, **options):
    fill = FillModality(generator, "text", "audio", name="hum", spec=WAVE, **options)
    return fill, (texts() if dataset is None else dataset).apply(fill)


def test_a_modality_that_none_has_is_made_and_failures_are_skipped_and_counted():
    fill, dataset = filled(Hum("vier"), weight=0.25)
    samples = list(dataset.as_numpy_iterator())
    assert [sample["id"] for sample in samples] == [0, 1, 4]
    for sample in samples:
        expected = Hum()(sample["text"].decode()).astype("float32")
        np.testing.assert_array_equal(sample["audio"], expected)
        assert sample["synthetic"].item() is True
        assert sample["sample_weights"] == np.float32(0.25)
    assert fill.counts == {"generated": 3, "cached": 0, "failed": 2}
    assert fill.failures == [f"hum: RuntimeError: cannot say {text!r}" for text in ("", "vier")]
    assert dataset.element_spec["audio"] == WAVE
    assert dataset.element_spec["synthetic"] == tf.TensorSpec([], tf.bool)


def test_what_was_made_is_kept_for_other_runs_and_failures_are_tried_again(tmp_path):
    first = Hum("vier")
    fill, dataset = filled(first, cache=tmp_path / "cache")
    before = [sample["audio"] for sample in dataset.as_numpy_iterator()]
    # "one" comes twice, and is made once.
    assert first.calls == ["one", "two words", "", "vier"]
    assert fill.counts == {"generated": 2, "cached": 1, "failed": 2}
    again = Hum()
    fill, dataset = filled(again, cache=str(tmp_path / "cache"))
    after = [sample["audio"] for sample in dataset.as_numpy_iterator()]
    assert again.calls == ["", "vier"]
    assert fill.counts == {"generated": 1, "cached": 3, "failed": 1}
    for one, other in zip(before, [after[0], after[1], after[3]], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("change", [{"version": "2"}, {"name": "other"}, {"spec": "float64"}])
def test_another_generator_reads_nothing_of_this_one(change, tmp_path):
    options = {"name": "hum", "version": "1", "spec": WAVE, "cache": tmp_path}
    list(texts().apply(FillModality(Hum(), "text", "audio", **options)))
    if "spec" in change:
        change = {"spec": tf.TensorSpec([None], tf.float64)}
    generator = Hum()
    list(texts().apply(FillModality(generator, "text", "audio", **options | change)))
    assert generator.calls == ["one", "two words", "", "vier"]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_file_is_made_anew(damage, tmp_path):
    list(filled(Hum(), cache=tmp_path)[1])
    files = sorted(tmp_path.rglob("*.tensor"))
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        changed = content[:-1] + bytes([content[-1] ^ 1])
        file.write_bytes({"cut": content[:-5], "changed": changed, "empty": b""}[damage])
    fill, dataset = filled(Hum(), cache=tmp_path)
    samples = list(dataset.as_numpy_iterator())
    np.testing.assert_array_equal(samples[0]["audio"], Hum()("one").astype("float32"))
    assert fill.counts == {"generated": 3, "cached": 1, "failed": 1}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path not in files]


def test_a_damaged_file_and_one_of_another_key_are_named(tmp_path, caplog):
    list(filled(Hum(), cache=tmp_path)[1])
    first, second, third = sorted(tmp_path.rglob("*.tensor"))
    second.write_bytes(first.read_bytes())
    third.write_bytes(b"")
    generator = Hum()
    fill, dataset = filled(generator, cache=tmp_path)
    samples = list(dataset.as_numpy_iterator())
    assert fill.counts["generated"] == 2
    for text, sample in zip(("one", "two words"), samples, strict=False):
        np.testing.assert_array_equal(sample["audio"], Hum()(text).astype("float32"))
    messages = sorted(record.getMessage() for record in caplog.records)
    assert messages == [
        f"The cache file {path} is damaged; its value is generated again."
        for path in (second, third)
    ]


def test_a_cache_that_cannot_be_written_costs_only_the_reuse(tmp_path, caplog, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        fill, dataset = filled(Hum(), cache=tmp_path / "cache")
        assert len(list(dataset)) == 4
    assert fill.counts == {"generated": 4, "cached": 0, "failed": 1}
    assert [record.getMessage() for record in caplog.records] == [
        f"The cache folder {tmp_path / 'cache'} cannot be written (No space left on device); "
        "values are generated, but not cached."
    ]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_keys_tell_inputs_apart():
    values = [
        (b"ab", b"c"),
        (b"a", b"bc"),
        (b"abc",),
        (np.array([1, 2], "int32"),),
        (np.array([[1, 2]], "int32"),),
        (np.array([1, 2], "int64"),),
        (np.array([b"a", b"bc"], object),),
        (np.array([b"ab", b"c"], object),),
    ]
    keys = {disk_cache.key_of("a", "b", WAVE, value) for value in values}
    keys |= {disk_cache.key_of("ab", "", WAVE, values[0])}
    assert len(keys) == len(values) + 1
    # A key that other machines and versions of Python find, too.
    assert disk_cache.key_of("a", "1", WAVE, [b"x"]) == disk_cache.key_of("a", "1", WAVE, ["x"])


def sounds():
    """Samples of which some have a sound."""
    spec = {
        "text": tf.TensorSpec([], tf.string),
        "audio": tf.TensorSpec([None], tf.float32),
        "has": tf.TensorSpec([], tf.bool),
    }
    rows = [
        {"text": "a", "audio": np.full(7, 5, "float32"), "has": True},
        {"text": "b", "audio": np.zeros(0, "float32"), "has": False},
        {"text": "c", "audio": np.full(2, 6, "float32"), "has": False},
    ]
    return tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=spec)


@pytest.mark.parametrize(
    ("missing", "made"),
    [(None, [False, True, False]), (lambda x: ~x["has"], [False, True, True])],
    ids=["empty", "told"],
)
def test_only_what_is_missing_is_made(missing, made):
    generator = Hum()
    fill = FillModality(generator, "text", "audio", name="hum", missing=missing, weight=0.5)
    samples = list(sounds().apply(fill).as_numpy_iterator())
    assert [bool(sample["synthetic"]) for sample in samples] == made
    assert [len(sample["audio"]) for sample in samples] == [7, 10, 10 if made[2] else 2]
    weights = [float(sample["sample_weights"]) for sample in samples]
    assert weights == [0.5 if new else 1.0 for new in made]
    assert generator.calls == [text for text, new in zip("abc", made, strict=True) if new]


@pytest.mark.parametrize("form", ["y", "y and weight", "dict with weights"])
def test_the_weight_multiplies_the_samples_own(form):
    own = np.linspace(1, 2, 5).astype("float32")
    if form == "dict with weights":
        dataset = texts().map(lambda x: {**x, "sample_weights": tf.cast(x["id"], tf.float64)})
        samples = list(filled(Hum(), dataset, weight=0.5)[1].as_numpy_iterator())
        assert [sample["sample_weights"] for sample in samples] == [0.0, 0.5, 1.5, 2.0]
        return
    others = (np.arange(5), own) if form == "y and weight" else (np.arange(5),)
    samples = list(filled(Hum(), texts(*others), weight=0.5)[1].as_numpy_iterator())
    assert [y for _, y, _ in samples] == [0, 1, 3, 4]
    expected = 0.5 * own[[0, 1, 3, 4]] if form == "y and weight" else np.full(4, 0.5)
    np.testing.assert_allclose([weight for _, _, weight in samples], expected)
    assert "sample_weights" not in samples[0][0]


def test_pseudo_transcripts():
    def listen(audio, name):
        if audio.sum() == 0:
            raise ValueError("silence")
        return f"{name}: {audio.sum():g} é"

    parts = {
        "audio": np.arange(6, dtype="float32").reshape(3, 2) * [[1], [0], [1]],
        "name": ["x", "y", "z"],
    }
    fill = FillModality(
        listen, ["audio", "name"], "text", name="listen", spec=tf.TensorSpec([], tf.string)
    )
    samples = list(tf.data.Dataset.from_tensor_slices(parts).apply(fill).as_numpy_iterator())
    assert [sample["text"].decode() for sample in samples] == ["x: 1 é", "z: 9 é"]


def test_images_and_strings_come_back_from_the_cache_as_they_were(tmp_path):
    image = tf.TensorSpec([4, 4, 3], tf.uint8)
    for generate, spec, expected in (
        (lambda text: np.full((4, 4, 3), len(text)), image, np.full((4, 4, 3), 3, "uint8")),
        (lambda text: ["ä", text], tf.TensorSpec([2], tf.string), ["ä".encode(), b"one"]),
        (lambda text: len(text), tf.TensorSpec([], tf.int64), 3),
    ):
        for counted in ("generated", "cached"):
            fill = FillModality(generate, "text", "new", name="draw", spec=spec, cache=tmp_path)
            sample = next(iter(texts().take(1).apply(fill).as_numpy_iterator()))
            np.testing.assert_array_equal(sample["new"], expected)
            assert fill.counts[counted] == 1


def test_a_result_that_does_not_fit_is_a_failure():
    fill, dataset = filled(lambda text: np.zeros((2, 2)) if text == "one" else np.zeros(3))
    assert len(list(dataset)) == 3
    assert fill.counts["failed"] == 2
    assert "shape (2, 2) instead of (None,)" in fill.failures[0]


def test_too_many_failures_stop():
    _, dataset = filled(Hum("vier"), max_failures=1)
    with pytest.raises(tf.errors.OpError, match="more than 1 samples could not be filled"):
        list(dataset)
    _, dataset = filled(Hum("vier"), max_failures=2)
    assert len(list(dataset)) == 3


def test_in_parallel_the_order_stays(tmp_path):
    many = tf.data.Dataset.range(200).map(lambda i: {"text": tf.strings.as_string(i)})
    fill, dataset = filled(Hum("17"), many, num_parallel_calls=8, cache=tmp_path)
    found = [int(sample["text"]) for sample in dataset.as_numpy_iterator()]
    assert found == [i for i in range(200) if i != 17]
    assert fill.counts == {"generated": 199, "cached": 0, "failed": 1}
    assert len(list(tmp_path.rglob("*.tensor"))) == 199


# Keras says so of every dataset whose length is not known beforehand.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_batched_and_trained_on():
    fill, dataset = filled(Hum(), texts(np.arange(5) % 2), weight=0.5)
    padded = dataset.map(lambda x, y, w: (x["audio"], y, w)).padded_batch(2)
    model = keras.Sequential(
        [
            keras.layers.Reshape((-1, 1)),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(padded, shuffle=False, verbose=0).history["loss"]).all()
    assert fill.counts["generated"] == 4


NO_TARGET = {"name": "hum", "spec": WAVE}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"generator": None}, "`generator` must be a callable"),
        ({"source": [1]}, "`source` must be a list of strings"),
        ({"name": ""}, "`name` must be a string"),
        ({"missing": True}, "`missing` must be a callable"),
        ({"weight": -1}, "`weight` must be a finite number of at least 0"),
        ({"max_failures": -1}, "`max_failures` must be an integer"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    options = {"generator": Hum(), "source": "text", "target": "audio", **NO_TARGET} | options
    with pytest.raises(ValueError, match=match):
        FillModality(**options)


@pytest.mark.parametrize(
    ("dataset", "options", "match"),
    [
        (tf.data.Dataset.range(3), {}, "must yield a dict of modalities"),
        (
            texts(),
            {"source": "speech"},
            r"`source` must name keys of the dataset. Received: \['speech'\]",
        ),
        (texts(), {"flag": "id"}, "`flag` must be a new key"),
        (texts(), {"spec": None}, "the spec of `audio` must be known"),
        (texts(), {"spec": tf.TensorSpec(None)}, "the spec of `audio` must be known"),
        (texts(), {"target": "id"}, "`spec` must match `id`"),
        (texts().batch(2), {"missing": lambda x: x["id"] > 1}, "one boolean per sample.*Unbatch"),
    ],
)
def test_bad_datasets_are_refused(dataset, options, match):
    options = {"generator": Hum(), "source": "text", "target": "audio", **NO_TARGET} | options
    with pytest.raises(ValueError, match=match):
        dataset.apply(FillModality(**options))


def espeak(text):
    """Speech from text, float32 [T] at 22,050 Hz, by the program `espeak-ng`."""
    command = ["espeak-ng", "-v", "en", "--stdout", "--", text]
    run = subprocess.run(command, capture_output=True, check=True, timeout=20)
    # The header of a stream does not know the length; the chunk of the samples comes last.
    start = run.stdout.index(b"data") + 8
    with wave.open(io.BytesIO(run.stdout)) as header:
        assert (header.getnchannels(), header.getsampwidth()) == (1, 2)
        assert header.getframerate() == 22_050
    return np.frombuffer(run.stdout[start:], "<i2").astype("float32") / 2**15


@pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="needs espeak-ng (Debian's package of that name)"
)
def test_speech_is_made_from_text_by_espeak_ng(tmp_path):
    version = subprocess.run(
        ["espeak-ng", "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.search(r"\d[\w.]*", version).group()
    said = ["one", "two", "three hundred and twenty-four", "one"]
    dataset = tf.data.Dataset.from_tensor_slices(({"text": said}, np.arange(4)))
    options = {"name": "espeak-ng", "version": version, "spec": WAVE, "weight": 0.5}
    fill = FillModality(espeak, "text", "audio", cache=tmp_path, **options)
    sounds = [x["audio"] for x, _, _ in dataset.apply(fill).as_numpy_iterator()]
    # A word lasts some tenths of a second, and a number of five words longer; none is silent.
    lengths = [len(sound) / 22_050 for sound in sounds]
    assert all(0.2 < length < 1.5 for length in lengths[:2])
    assert lengths[2] > 1.5 * max(lengths[:2])
    assert all(np.abs(sound).max() > 0.05 and sound.std() > 0.005 for sound in sounds)
    assert not np.array_equal(sounds[0], sounds[1])
    np.testing.assert_array_equal(sounds[0], sounds[3])
    assert fill.counts == {"generated": 3, "cached": 1, "failed": 0}
