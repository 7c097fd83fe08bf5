"""Writes what the study found: tables, figures and one page."""

import csv
import io
import json

import numpy as np

from keras_mix._core import atomic_file
from tools.study import decision_chart, figures, grid, page
from tools.study.decisions import DECISIONS
from tools.study.differences import NONE
from tools.study.methods import METHODS
from tools.study.predictions import LONG, PREDICTIONS
from tools.study.table import NAMES, Missing, Scores

COLUMNS = (
    *("fitted", "accuracy", "nll", "nll_t", "temperature", "undetermined", "ece", "floor"),
    *("ece_mass", "gap", "brier", "auroc", "fgsm", "pgd", "occlusion", "seconds"),
)


def write(store, cells, folder):
    """Writes the report of all finished cells.

    Args:
        store: A `tools.study.store.Store`.
        cells: List of `tools.study.grid.Cell`.
        folder: `pathlib.Path`.
    """
    scores = Scores(store, cells)
    judged = [_judged(scores, prediction) for prediction in PREDICTIONS]
    decided = [_decided(scores, decision) for decision in DECISIONS]
    missing = _missing(scores, cells)
    atomic_file.write(folder / "scores.csv", _csv(scores).encode())
    summary = {"predictions": judged, "decisions": decided, "missing": missing}
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    atomic_file.write(folder / "study.json", f"{text}\n".encode())
    drawn = figures.draw(scores, folder / "figures")
    decision_chart.draw(decided, folder / "figures" / "decisions.svg")
    html = page.render(scores, judged, decided, missing, drawn, _times(scores))
    atomic_file.write(folder / "index.html", html.encode())
    atomic_file.write(folder / "decisions.md", page.markdown(decided).encode())


def _judged(scores, prediction):
    intervals = [scores.paired(each.value, each.where) for each in prediction.contrasts]
    return {
        "number": prediction.number,
        "claim": prediction.claim,
        "source": prediction.source,
        "mark": prediction.mark(intervals),
        "contrasts": [
            {
                "text": contrast.text,
                "mark": contrast.mark(found),
                "small": contrast.is_small(found),
                **_numbers(found),
                "by_data": _by_data(scores, contrast, found),
            }
            for contrast, found in zip(prediction.contrasts, intervals, strict=True)
        ],
    }


def _by_data(scores, contrast, found):
    """The contrast of each data set by itself, with a mark of its own."""
    names = sorted({key.split("-")[0] for key in found.cells})
    each = {name: scores.paired(contrast.value, _within(contrast.where, name)) for name in names}
    return {name: {"mark": contrast.mark(own), **_numbers(own)} for name, own in each.items()}


def _decided(scores, decision):
    return {
        **decision._asdict(),
        "evidence": [
            {"text": text, **_numbers(scores.paired(value, where))}
            for text, value, where in decision.evidence
        ],
    }


def _within(where, name):
    return lambda cell: where(cell) and cell.data == name


def _numbers(found):
    mean, low, high = (round(float(value), 5) for value in found[:3])
    return {"mean": mean, "low": low, "high": high, "cells": found.cells}


def _times(scores):
    """{method: how many times as long as none the longest training takes}, medians over cells."""
    ratios = {}
    for cell, method, length in scores.rows:
        if length == LONG and method in METHODS:
            try:
                own, none = (scores.get(cell, name, LONG, "seconds") for name in (method, NONE))
            except Missing:
                continue
            ratios.setdefault(method, []).append(own[0] / none[0])
    return {name: float(np.median(ratios[name])) for name in METHODS if name in ratios}


def _missing(scores, cells):
    """What was not run: {cell: [methods]}."""
    lacking = {}
    for cell in cells:
        wanted = grid.ENSEMBLE_METHODS if cell.members > 1 else METHODS
        found = [name for name in wanted if cell.runs(name) and not _has(scores, cell, name)]
        if found:
            lacking[cell.key] = found
    return lacking


def _has(scores, cell, name):
    return all((cell, name, length) in scores.rows for length in cell.lengths)


def _csv(scores):
    """A line for each cell, method and length: means over the seeds and standard deviations."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    deviated = ("accuracy", "nll", "nll_t", "gap")
    keys = ("data", "size", "noise", "width", "members", "method", "length")
    writer.writerow([*keys, *COLUMNS, *(f"{name}_sd" for name in deviated)])
    order = {cell: place for place, cell in enumerate(scores.cells)}
    lengths = list(grid.LENGTHS)
    for (cell, method, length), rows in sorted(
        scores.rows.items(),
        key=lambda item: (order[item[0][0]], NAMES.index(item[0][1]), lengths.index(item[0][2])),
    ):
        values = {name: [row[name] for row in rows.values() if name in row] for name in COLUMNS}
        means = [f"{np.mean(values[name]):.4g}" if values[name] else "" for name in COLUMNS]
        spread = [f"{np.std(values[name], ddof=1):.3g}" for name in deviated]
        writer.writerow([*cell, method, length, *means, *spread])
    return file.getvalue()
