"""The measurements of a comparison: `Results`, with one `Run` for each mixer and seed."""

import dataclasses
import hashlib
import json
import math
import pathlib
from typing import NamedTuple

from keras_mix._core import atomic_file
from keras_mix.calibration import NoiseFloor
from keras_mix.evaluate import scores
from keras_mix.evaluate.robust import Robustness
from keras_mix.evaluate.run import Run, Scores

FILE = "results.json"
BASELINE = "none"
# Of results.json. Raised when runs gain fields that older ones cannot be given.
FORMAT = 3


class Score(NamedTuple):
    """How one measured number is named and printed.

    Attributes:
        field: String. Where a `Run` has it, such as `"nll"` or `"scaled.nll"`.
        title: String. The heading of its column.
        unit: String, may be empty.
        factor: Float. What its unit multiplies it by.
        digits: Integer. Decimal places.
        higher_is_better: Boolean, or None for a number of which neither is.
    """

    field: str
    title: str
    unit: str
    factor: float
    digits: int
    higher_is_better: bool | None = False

    @property
    def goal(self) -> str:
        """What is better, in words: `"higher is better"`, or empty."""
        goals = {True: "higher is better", False: "lower is better", None: ""}
        return goals[self.higher_is_better]


ACCURACY = Score("accuracy", "Accuracy", "%", 100.0, 1, higher_is_better=True)
NLL = Score("nll", "NLL", "nats", 1.0, 3)
NLL_SCALED = Score("scaled.nll", "NLL after T", "nats", 1.0, 3)
TEMPERATURE = Score("temperature", "T", "", 1.0, 2, None)
ECE = Score("ece", "ECE", "%", 100.0, 1)
ECE_FLOOR = Score("floor.mean", "ECE floor", "%", 100.0, 1, None)
ECE_SCALED = Score("scaled.ece", "ECE after T", "%", 100.0, 1)
ECE_SCALED_FLOOR = Score("scaled.floor.mean", "its floor", "%", 100.0, 1, None)
ECE_MASS = Score("ece_mass", "ECE, equal mass", "%", 100.0, 1)
GAP = Score("gap", "Gap", "%", 100.0, 1, None)
BRIER = Score("brier", "Brier", "", 1.0, 3)
SECONDS = Score("seconds", "Training", "s", 1.0, 1, None)
# All columns of a table of results; those without a better direction explain their neighbors.
SCORES = (
    *(ACCURACY, NLL, NLL_SCALED, TEMPERATURE, ECE, ECE_FLOOR, ECE_SCALED, ECE_SCALED_FLOOR),
    *(ECE_MASS, GAP, BRIER),
)
OOD_AUROC = Score("robustness.ood_auroc", "OOD AUROC", "%", 100.0, 1, higher_is_better=True)
# Measured by `full=True`, or worth a look only then.
FULL_SCORES = (
    Score("robustness.fgsm", "FGSM", "%", 100.0, 1, higher_is_better=True),
    Score("robustness.pgd", "PGD", "%", 100.0, 1, higher_is_better=True),
    Score("robustness.occluded", "Occluded", "%", 100.0, 1, higher_is_better=True),
    Score("robustness.corrupted", "Corrupted", "%", 100.0, 1, higher_is_better=True),
    OOD_AUROC,
    Score("robustness.linearity", "Linearity", "", 1.0, 3, None),
    Score("aurc", "AURC", "%", 100.0, 2),
    Score("overconfidence", "OE", "%", 100.0, 1),
)


class Spread(NamedTuple):
    """Mean and sample standard deviation (n - 1) of n runs; the deviation of one run is None.

    Of no run, such as of temperatures that no run has, the mean is None too.
    """

    mean: float | None
    deviation: float | None
    count: int  # type: ignore[assignment]  # A name that tuples have as well.

    def text(self, score):
        """Returns such as `"98.1 ± 0.3"`, in the unit of `score`, or `"–"`."""
        if self.mean is None:
            return "–"
        mean = f"{self.mean * score.factor:.{score.digits}f}"
        if self.deviation is None:
            return mean
        return f"{mean} ± {self.deviation * score.factor:.{score.digits}f}"

    def is_partial(self, runs):
        """Whether it is of some of a number of runs, neither of all nor of none."""
        return 0 < self.count < runs


@dataclasses.dataclass
class Results:
    """All runs of a comparison, or the one of a model that was trained elsewhere.

    Attributes:
        settings: Dict of what all runs share; runs with other settings cannot be compared.
        mixers: Dict from the name of each mixer to its `get_config()`, or to None for no mixing.
        runs: List of `Run`, in the order in which they finished.

    Example:

    >>> run = Run.of_predictions("none", [[0.9, 0.1], [0.2, 0.8]] * 4, [0, 1] * 4)
    >>> Results({"epochs": 1}, {"none": None}, [run]).spread("none", "accuracy")
    Spread(mean=1.0, deviation=None, count=1)
    """

    settings: dict
    mixers: dict
    runs: list = dataclasses.field(default_factory=list)

    def of(self, mixer):
        """Returns dict, seed → `Run`, of one mixer, sorted by seed."""
        runs = sorted((run for run in self.runs if run.mixer == mixer), key=lambda run: run.seed)
        return {run.seed: run for run in runs}

    @property
    def measured(self) -> list[str]:
        """The names of the mixers that have at least one finished run, in their order."""
        return [mixer for mixer in self.mixers if self.of(mixer)]

    @property
    def trained(self) -> bool:
        """Whether the networks were trained for the comparison, not loaded from a file."""
        return "epochs" in self.settings or len(self.runs) > 1

    @property
    def columns(self) -> tuple[Score, ...]:
        """The scores that all runs have, in the order of a table."""
        full = bool(self.runs) and all(run.robustness is not None for run in self.runs)
        return (*SCORES, *(FULL_SCORES if full else ()), *((SECONDS,) if self.trained else ()))

    def spread(self, mixer, field):
        """Returns the `Spread` over the seeds of one number, such as `"nll"`, `"scaled.nll"`."""
        every = [value_of(run, field) for run in self.of(mixer).values()]
        values = [value for value in every if value is not None]
        if not values:
            return Spread(None, None, 0)
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return Spread(mean, None, 1)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return Spread(mean, math.sqrt(squares / (len(values) - 1)), len(values))

    def summary(self):
        """Returns dict, mixer → number → `Spread`, of all mixers with a finished run."""
        fields = [score.field for score in self.columns]
        return {
            mixer: {field: self.spread(mixer, field) for field in fields} for mixer in self.measured
        }

    def reliability(self, mixer, *, scaled=False):
        """Returns one `Reliability` of the predictions of all seeds of a mixer.

        Of the predictions after temperature scaling if `scaled`, of the runs that have one.
        """
        runs = self.of(mixer).values()
        if scaled:
            runs = [run.scaled for run in runs if run.scaled is not None]
        return scores.pool([run.reliability for run in runs])

    def to_json(self):
        """Returns the results as JSON text, the summary included."""
        content = {
            "format": FORMAT,
            "settings": self.settings,
            "mixers": self.mixers,
            "summary": _plain(self.summary()),
            "runs": [_plain(run) for run in self.runs],
        }
        content["checksum"] = _checksum(content)
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text):
        """Reads what `to_json` wrote; the summary is computed afresh.

        Raises:
            ValueError: if the text is something else, is of an earlier version or has changed.
        """
        try:
            content = json.loads(text)
            checksum = content.pop("checksum", None)
            number = content.pop("format", 1)
            if content.keys() != {"settings", "mixers", "summary", "runs"}:
                raise ValueError(f"keys {', '.join(content)}")
        except (AttributeError, TypeError, ValueError) as error:
            raise _unreadable(text, error) from error
        if number != FORMAT:
            raise ValueError(
                f"Results.from_json: the runs must be of format {FORMAT}, with the scores after "
                f"temperature scaling. Received: format {number}, which another version of "
                "keras_mix wrote"
            )
        try:
            if checksum != _checksum({"format": number, **content}):
                raise ValueError("the checksum does not fit the content")
            runs = [_run(fields) for fields in content["runs"]]
            return cls(dict(content["settings"]), dict(content["mixers"]), runs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(text, error) from error

    def save(self, folder):
        """Writes results.json atomically.

        Raises:
            OSError: if it cannot be written; the file that was there stays.
        """
        path = pathlib.Path(folder) / FILE
        atomic_file.write(path, self.to_json().encode("utf-8"))
        return path


def value_of(run, field):
    """Returns a number of a run, such as `"scaled.nll"`; None if the run does not have it."""
    for name in field.split("."):
        run = None if run is None else getattr(run, name)
    return run


def _unreadable(text, error):
    return ValueError(
        "Results.from_json: the text must be what `to_json` wrote. "
        f"Received: {text[:40]!r}… ({type(error).__name__}: {error})"
    )


def _plain(value):
    """Dataclasses and named tuples as dicts, through and through."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def _run(fields):
    """The `Run` of a dict that `_plain` made."""
    robustness = fields["robustness"]
    return Run(
        **{
            **_scores(fields),
            "scaled": None if fields["scaled"] is None else Scores(**_scores(fields["scaled"])),
            "robustness": None if robustness is None else Robustness(**robustness),
        }
    )


def _scores(fields):
    made = {
        "floor": NoiseFloor(**fields["floor"]),
        "reliability": scores.Reliability(**fields["reliability"]),
    }
    return {**fields, **made}


def _checksum(content):
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
