"""Runs made by hand, of which each number can be set, for what is said and shown of results."""

import dataclasses

from keras_mix.calibration import NoiseFloor
from keras_mix.evaluate import Reliability, Results, Robustness, Run, Scores

DIAGRAM = Reliability([0, 4], [0.0, 0.8], [0.0, 0.75])
FLOOR = NoiseFloor(0.02, 0.01, 0.03)
# Calibrated as far as the samples can tell.
CALIBRATED = {"ece": 0.02, "gap": 0.005}
OVER = {"ece": 0.08, "gap": 0.08}
UNDER = {"ece": 0.15, "gap": -0.15}
UNEVEN = {"ece": 0.08, "gap": 0.005}
_SCORES = {
    **{"nll": 0.25, "brier": 0.125, "floor": FLOOR, "ece_mass": 0.03, "gap_error": 0.01},
    **{"overconfidence": 0.01, "aurc": 0.002, "reliability": DIAGRAM, **CALIBRATED},
}
# A temperature lowers the NLL, by less than chance can over a few hundred samples.
_SCALED = {**_SCORES, "nll": 0.245}
ROBUSTNESS = Robustness(
    fgsm=0.5, pgd=0.25, occlusion={"0.25": 0.7, "0.5": 0.5},
    corruptions={"noise": 0.6, "blur": 0.8}, ood_auroc=0.9, linearity=0.1,
)  # fmt: skip


def made(mixer, seed=0, accuracy=0.75, scaled=None, **numbers):
    """A `Run`; `scaled` holds what differs after the temperature from a calibrated network.

    Without a temperature, as of a run without an error, `scaled` is None.
    """
    has_none = numbers.get("temperature", 1.5) is None
    own = {name: numbers.pop(name) for name in list(numbers) if name in _SCORES}
    return Run(
        mixer=mixer,
        seed=seed,
        accuracy=accuracy,
        scaled=None if has_none else Scores(**{**_SCALED, **(scaled or {})}),
        **{"temperature": 1.5, "seconds": 2.5, "losses": [1.0, 0.5], **_SCORES, **own, **numbers},
    )


def results(runs, **settings):
    """`Results` of a list of runs."""
    mixers = {run.mixer: None if run.mixer == "none" else {} for run in runs}
    return Results({"epochs": 2, "validation_samples": 500, **settings}, mixers, list(runs))


def with_full(run):
    """The same run with its robustness measured."""
    return dataclasses.replace(run, robustness=ROBUSTNESS)
