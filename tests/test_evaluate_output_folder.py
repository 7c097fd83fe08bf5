"""One comparison at a time writes a folder, and what it holds is never taken for something else."""

import errno
import json
import os
import shutil

import filelock
import numpy as np
import pytest
from synthetic_runs import made, with_full

from keras_mix.evaluate import Results, compare, networks, output_folder, training

RESULTS = Results({"epochs": 1}, {"none": None}, [made("none")])
SAMPLES = np.random.default_rng(0).random((8, 4, 4, 1)).astype(np.float32), np.arange(8) % 2


@pytest.fixture
def quick(monkeypatch):
    """Runs that measure nothing, instead of trainings."""

    def run(build_model, train, validation, name, mixer, seed, settings, after_epoch):
        after_epoch(1)
        return made(name, seed)

    monkeypatch.setattr(training, "run", run)


def compared(output, **options):
    return compare(
        lambda: networks.build("small", (4, 4, 1), 2), SAMPLES, SAMPLES, {"m": None},
        epochs=1, seeds=2, batch_size=8, output=output, **options,
    )  # fmt: skip


def test_a_second_process_is_refused(tmp_path):
    with filelock.FileLock(tmp_path / output_folder._LOCK):
        with pytest.raises(OSError, match=r"one comparison at a time.*in use by another process"):
            compared(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [output_folder._LOCK]


def test_a_claim_may_be_repeated_and_leaves_nothing(tmp_path):
    other = filelock.FileLock(tmp_path / "out" / output_folder._LOCK, timeout=0)
    with output_folder.claimed(tmp_path / "out") as folder:
        (folder / ".killed.draft").write_bytes(b"")
        with output_folder.claimed(folder):
            pass
        with pytest.raises(filelock.Timeout):
            other.acquire()
        (folder / "kept").write_bytes(b"")
    assert [path.name for path in folder.iterdir()] == [".killed.draft", "kept"]
    with output_folder.claimed(folder):
        assert not (folder / ".killed.draft").exists()
    with output_folder.claimed(tmp_path / "empty"):
        pass
    assert not (tmp_path / "empty").exists()


def test_every_flipped_bit_of_the_results_is_found():
    content = RESULTS.to_json().encode()
    assert Results.from_json(content.decode()) == RESULTS
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        try:
            read = Results.from_json(flipped.decode())
        except ValueError:
            continue
        assert read == RESULTS  # a blank that became a tab, say


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff", RESULTS.to_json()[:-9].encode()])
def test_damaged_results_are_named_and_refused(tmp_path, content):
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"runs in '.*results.json' cannot be read: .*delete the"):
        output_folder.resume(tmp_path, RESULTS.settings, RESULTS.mixers)
    assert (tmp_path / "results.json").read_bytes() == content


def test_results_of_an_earlier_version_are_named(tmp_path):
    content = json.loads(RESULTS.to_json())
    earlier = json.dumps({key: content[key] for key in ("settings", "mixers", "summary", "runs")})
    (tmp_path / "results.json").write_text(earlier)
    with pytest.raises(
        ValueError, match=r"Received: format 1, which another version .* delete the"
    ):
        output_folder.resume(tmp_path, RESULTS.settings, RESULTS.mixers)


def test_everything_is_read_that_is_written():
    results = Results({"epochs": 1}, {"none": None}, [with_full(made("none")), made("none", 1)])
    assert Results.from_json(results.to_json()) == results


def test_a_folder_that_vanishes_is_made_again_with_all_runs(tmp_path, quick):
    def vanish(done, total, text):
        if "run 2" in text and not done % 2:
            shutil.rmtree(tmp_path / "out", ignore_errors=True)

    results = compared(tmp_path / "out", progress=vanish)
    assert Results.from_json((tmp_path / "out" / "results.json").read_text("utf-8")) == results
    assert len(results.runs) == 2


def test_a_full_disk_keeps_the_runs_before_it(tmp_path, quick):
    def fill(done, total, text):
        if "run 2" in text:
            full.setattr(os, "fsync", no_space)

    def no_space(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sentence = r"\(No space left on device\). All runs but the last are kept \(1\)"
    with pytest.MonkeyPatch.context() as full, pytest.raises(OSError, match=sentence):
        compared(tmp_path, progress=fill)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    kept = Results.from_json((tmp_path / "results.json").read_text("utf-8"))
    assert [run.seed for run in kept.runs] == [0]
    assert compared(tmp_path).runs[0] == kept.runs[0]
