"""The benchmark's limits, verdicts and page; its figures are measured by tools/benchmark.py."""

import importlib
import itertools
import json
import re

import numpy as np
import pytest
import tensorflow as tf
from benchmarking import (
    chart,
    every_mixer,
    growth,
    images,
    limits,
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


def test_contenders_take_turns():
    calls = []
    steps = [lambda: calls.append("a"), lambda: calls.append("b")]
    found = rounds.measure(steps, rounds=2)
    assert [len(record) for record in found] == [2, 2]
    turns = [name for name, _ in itertools.groupby(calls)]
    assert turns == ["a", "b"] * 3


def test_the_page_has_both_regimes_side_by_side_and_no_scripts():
    machine = {
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
    text = page.render(json.loads(json.dumps({"machine": machine, "tables": tables})))
    assert "1 of 2 bounds are met" in text
    assert text.count("<h2>&lt;Images&gt;</h2>") == 1
    cells = re.findall(r'<td class="[^"]*">([^<]*)</td>', text)
    assert cells == [
        *("128", "256", "0.50×", "0.50–0.50", "≥ 0.9"),
        *("128", "64.0", "2.00×", "2.00–2.00", "≥ 0.9"),
    ]
    assert "default memory, kornia: not installed" in text
    assert text.count("<svg") == 1
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#)', text.replace("xlink:href", ""))


def test_contenders_of_a_chart_look_different():
    looks = [chart._look(number, "a peer") for number in range(20)]
    assert len({(look["marker"], look["color"]) for look in looks}) == 20


def test_parts_are_modules_that_measure():
    for module in parts.MODULES.values():
        assert callable(importlib.import_module(f"benchmarking.{module}").measure)
    assert {*parts.QUICK, *parts.ONCE, *parts.NAMED} <= set(parts.MODULES)
