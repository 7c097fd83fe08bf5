"""The benchmark's limits, verdicts and page; its figures are measured by tools/benchmark.py."""

import importlib
import itertools
import json
import re
import sys
import time

import benchmark
import numpy as np
import pytest
import tensorflow as tf
from benchmarking import (
    chart,
    every_mixer,
    fresh,
    growth,
    images,
    limits,
    load,
    machine,
    modalities,
    page,
    parts,
    peers,
    regimes,
    rounds,
    rows,
    torch_peers,
)
from benchmarking.contenders import OURS, Contender

IMAGES = np.arange(3 * 2 * 4 * 1, dtype="float32").reshape(3, 2, 4, 1)


def test_each_limit_moves_what_its_docstring_says():
    own, reverse = IMAGES, IMAGES[::-1]
    sums = IMAGES.sum((1, 2, 3), keepdims=True)
    shown = np.arange(8) < np.array([[0], [97 % 8], [194 % 8]])
    expected = {
        limits.copy: own + 1,
        limits.blend: own,
        limits.copy_and_mask: np.where(shown.reshape(3, 2, 4, 1), own, reverse),
        limits.read_and_copy: own + sums,
        limits.read_and_blend: sums * own + (1 - sums) * reverse,
    }
    for limit, right in expected.items():
        np.testing.assert_allclose(limit(tf.constant(IMAGES)), right)


def test_limits_keep_the_dtypes_of_the_mixers():
    bytes_ = tf.constant(IMAGES.astype("uint8"))
    assert limits.copy(bytes_).dtype == limits.copy_and_mask(bytes_).dtype == tf.uint8
    assert limits.blend(bytes_).dtype == tf.float32


def test_every_mixer_has_a_limit():
    assert set(limits.IMAGES) == set(every_mixer.NAMES)
    assert all(set(case.mixers) <= set(case.limit) for case in modalities.CASES)


@pytest.mark.parametrize(
    ("aim", "verdict"), [(0.4, rows.OK), (0.5, rows.OK), (0.6, rows.MISSED), (None, "")]
)
def test_a_share_of_the_limit_below_its_aim_is_missed(aim, verdict, monkeypatch):
    monkeypatch.setenv(regimes.POOL, "1")
    limit = limits.Limit(limits.copy, aim)
    own, least = Contender("CutMix", OURS, None), Contender("CutMix", limit.library, None)
    seconds = {own: [2.0, 2.0, 4.0, 4.0], least: [1.0, 1.0, 2.0, 1.0]}
    (row,) = images.rows_of(own, [least], seconds, 8, limits.aims({"CutMix": limit}))
    # By hand: medians of 3 s and 1 s for 8 samples; ratios .5, .5, .5 and .25 in the rounds.
    assert row == rows.Row("CutMix", 8 / 3, "limit: copy", 8.0, 0.5, (0.4375, 0.5), aim)
    assert row.verdict == verdict
    tables = [{"regime": "pooled", **rows.table("128 × 4", "samples/s", [row])}]
    sentence = "128 × 4, pooled memory: CutMix against limit: copy: 0.50×, which should be ≥ 0.6"
    assert rows.missed(tables) == ([sentence] if verdict == rows.MISSED else [])


def test_the_aims_of_the_limits_are_for_pooled_memory(monkeypatch):
    monkeypatch.setenv(regimes.POOL, "1")
    assert limits.aims(limits.IMAGES)["MixUp", "limit: blend"] == 0.95
    monkeypatch.delenv(regimes.POOL)
    assert limits.aims(limits.IMAGES) == {}


def test_a_cost_above_its_bound_is_missed():
    row = rows.costlier("boxes", [3.0, 3.0], "none", [2.0, 2.0], 1000, most=1.4)
    assert row[:5] == ("boxes", 3000.0, "none", 2000.0, 1.5)
    assert row.verdict == rows.MISSED
    assert row._replace(most=1.5).verdict == rows.OK


@pytest.mark.parametrize(
    ("cost", "data", "verdict"),
    [(4.0, 4.0, rows.OK), (16.0, 4.0, rows.MISSED), (1.0, 4.0, rows.OK)],
)
def test_a_cost_that_grows_faster_than_its_data_is_missed(cost, data, verdict):
    row = growth.row("CutMix, 64", cost, "16", 1.0, data)
    assert row.ratio == cost / data
    assert row.verdict == verdict


def test_peers_of_pytorch_are_peers_of_mixers():
    asked = {mixer for mixers in peers.WORKLOADS.values() for mixer in mixers}
    assert {mixer for mixer, _ in torch_peers.PEERS} <= asked <= set(every_mixer.NAMES)


def test_without_a_ratio_the_figure_is_judged():
    assert rows.Row("first batch", 0.31, most=0.3).verdict == rows.MISSED
    assert rows.Row("first batch", 0.29, most=0.3).verdict == rows.OK


TICKS = "cpu  100 0 50 1000 10 0 0 0 0 0\ncpu0 50 0 25 500 5 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("after", "share"),
    [
        # user, nice, system, idle, waiting for a disk: a quarter, all, and none of 100 ticks.
        ("cpu  110 5 60 1070 15 0 0 0 0 0\n", 0.25),
        ("cpu  160 0 90 1000 10 0 0 0 0 0\n", 1.0),
        ("cpu  100 0 50 1090 20 0 0 0 0 0\n", 0.0),
        (TICKS, None),
    ],
)
def test_the_busy_share_of_the_cores_is_counted_in_ticks(after, share):
    assert load.taken(TICKS, after) == share


@pytest.mark.parametrize(("share", "warns"), [(None, False), (0.15, False), (0.5, True)])
def test_a_busy_machine_is_warned_of(share, warns):
    assert ("50% of its cores' time was taken" in load.warning(share)) == warns
    assert bool(load.warning(share)) == warns


def test_a_system_that_does_not_tell_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "STATISTICS", tmp_path / "stat")
    assert load.busy() is None


def test_contenders_take_turns():
    calls = []
    steps = [lambda: calls.append("a"), lambda: calls.append("b")]
    found = rounds.measure(steps, rounds=2)
    assert [len(record) for record in found] == [2, 2]
    turns = [name for name, _ in itertools.groupby(calls)]
    assert turns == ["a", "b"] * 3


def test_the_page_has_both_regimes_side_by_side_and_no_scripts():
    described = {
        **{"cores": 2, "processor": "P", "memory_gib": 8.0, "threads": 2, "bandwidth_gb": 40.0},
        **{"system": "Linux", "allocator": "glibc", "huge_pages": "madvise", "python": "3.11"},
        "packages": {"numpy": "2"},
    }
    quick = rows.faster("MixUp", [1.0, 1.0], "timm", [0.5, 0.5], 128, least=0.9)
    slow = rows.faster("MixUp", [1.0, 1.0], "timm", [2.0, 2.0], 128, least=0.9)
    tables = [
        {"part": "images", "regime": regime, "bandwidth_gb": 40.0, **table}
        for regime, row in (("default", quick), ("pooled", slow))
        for table in [rows.table("<Images>", "samples/s", [row], {"kornia": "not installed"})]
    ]
    failed = [{"part": "models", "regime": "default", "reason": "It did not end within 9 s."}]
    results = {"busy": 0.25, "machine": described, "tables": tables, "failed": failed}
    text = page.render(json.loads(json.dumps(results)))
    assert "1 of 2 bounds are met" in text
    assert text.count("<h2>&lt;Images&gt;</h2>") == 1
    cells = re.findall(r'<td class="[^"]*">([^<]*)</td>', text)
    assert cells == [
        *("128", "256", "0.50×", "0.50–0.50", "≥ 0.9"),
        *("128", "64.0", "2.00×", "2.00–2.00", "≥ 0.9"),
    ]
    assert "default memory, kornia: not installed" in text
    assert "<li>models, default memory: It did not end within 9 s.</li>" in text
    assert "25% of its cores&#39; time was taken" in text
    assert text.count("<svg") == 1
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#)', text.replace("xlink:href", ""))


def test_contenders_of_a_chart_look_different():
    looks = [chart._look(number, "a peer") for number in range(20)]
    assert len({(look["marker"], look["color"]) for look in looks}) == 20


def test_parts_are_modules_that_measure():
    for part in parts.PARTS.values():
        assert callable(importlib.import_module(f"benchmarking.{part.module}").measure)
    assert {*parts.QUICK, *parts.NAMED} <= set(parts.PARTS)


def test_help_says_how_long_each_part_takes():
    lines = parts.durations().splitlines()
    told = {words[0]: words[1:] for words in map(str.split, lines) if words[:1][0] in parts.PARTS}
    assert set(told) == set(parts.PARTS)
    assert all(re.fullmatch("([0-9]+ (s|min) ?){2}", " ".join(each)) for each in told.values())


HANGING = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
time.sleep(60)
"""


def _written(tmp_path, monkeypatch, text):
    """Lets `fresh` start modules of a folder, and writes one, `measured`."""
    (tmp_path / "benchmarking").mkdir()
    (tmp_path / "benchmarking" / "measured.py").write_text(text)
    monkeypatch.setattr(fresh, "TOOLS", tmp_path)


def test_a_process_that_takes_too_long_is_ended_with_what_it_has_started(tmp_path, monkeypatch):
    _written(tmp_path, monkeypatch, HANGING)
    start = time.monotonic()
    with pytest.raises(fresh.Failed, match="measures measured it did not end within 1 s"):
        fresh.figures("measured", "it", seconds=1)
    # Its child holds the same pipes, which are read until all are closed.
    assert time.monotonic() - start < 30


def test_a_process_that_fails_says_why_in_its_last_line(tmp_path, monkeypatch):
    _written(tmp_path, monkeypatch, "raise ValueError('no memory')")
    with pytest.raises(fresh.Failed, match=r"ended with 1\.\n(.*\n)*ValueError: no memory$"):
        fresh.figures("measured", seconds=60)


def test_a_part_that_fails_is_reported_and_the_others_go_on(tmp_path, monkeypatch):
    table = rows.table("Images", "samples/s", [rows.faster("MixUp", [1.0] * 2, "", [1.0] * 2, 8)])

    def measured(part, regime, quick):
        if part == "labels":
            raise fresh.Failed("It failed.\nMemoryError: none")
        return [table]

    monkeypatch.delenv(regimes.POOL, raising=False)  # put back after the run that leaves it
    monkeypatch.setattr(parts, "measured", measured)
    monkeypatch.setattr(machine, "bandwidth", lambda: 40.0)
    output = tmp_path / "found.json"
    options = ["--part", "labels", "--part", "growth", "--regime", "pooled"]
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *options, "--output", str(output)])
    assert benchmark.main() == 1
    found = json.loads(output.read_text())
    place = {"regime": "pooled", "bandwidth_gb": 40.0}
    assert found["failed"] == [{"part": "labels", **place, "reason": "MemoryError: none"}]
    assert [each["part"] for each in found["tables"]] == ["growth"]
    assert "labels, pooled memory: MemoryError: none" in output.with_suffix(".html").read_text()
