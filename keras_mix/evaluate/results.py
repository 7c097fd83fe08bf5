"""The measurements of a comparison: `Results`, with one `Run` for each mixer and seed."""

import dataclasses
import hashlib
import json
import math
import pathlib
from typing import NamedTuple

from keras_mix._core import atomic_file
from keras_mix.evaluate import scores

FILE = "results.json"
BASELINE = "none"


class Score(NamedTuple):
    """How one measured number is named and printed."""

    field: str
    title: str
    unit: str
    factor: float
    digits: int
    higher_is_better: bool = False


SCORES = (
    Score("accuracy", "Accuracy", "%", 100.0, 1, higher_is_better=True),
    Score("nll", "NLL", "nats", 1.0, 3),
    Score("brier", "Brier", "", 1.0, 3),
    Score("ece", "ECE", "%", 100.0, 1),
)
SECONDS = Score("seconds", "Training", "s", 1.0, 1)


class Spread(NamedTuple):
    """Mean and sample standard deviation (n - 1) of n runs; the deviation of one run is None."""

    mean: float
    deviation: float | None
    count: int  # type: ignore[assignment]  # A name that tuples have as well.

    def text(self, score):
        """Returns such as `"98.1 ± 0.3"`, in the unit of `score`."""
        mean = f"{self.mean * score.factor:.{score.digits}f}"
        if self.deviation is None:
            return mean
        return f"{mean} ± {self.deviation * score.factor:.{score.digits}f}"


@dataclasses.dataclass(frozen=True)
class Run:
    """One trained network.

    Attributes:
        mixer: String. The name of the mixer.
        seed: Integer. The seed of the initial weights, the order of the samples and the mixing.
        accuracy: Float in [0, 1].
        nll: Float. The negative log-likelihood in nats.
        brier: Float in [0, 2]. The Brier score.
        ece: Float in [0, 1]. The expected calibration error in 15 bins.
        seconds: Float. The wall time of `fit`, including tracing and compiling graphs.
        losses: List of floats. The training loss of each epoch, on mixed samples.
        reliability: A `keras_mix.evaluate.Reliability` of 15 bins.
    """

    mixer: str
    seed: int
    accuracy: float
    nll: float
    brier: float
    ece: float
    seconds: float
    losses: list
    reliability: scores.Reliability


@dataclasses.dataclass
class Results:
    """All runs of a comparison.

    Attributes:
        settings: Dict of what all runs share; runs with other settings cannot be compared.
        mixers: Dict from the name of each mixer to its `get_config()`, or to None for no mixing.
        runs: List of `Run`, in the order in which they finished.

    Example:

    >>> diagram = scores.Reliability([1], [0.9], [1.0])
    >>> run = Run("none", 0, 1.0, 0.1, 0.02, 0.1, 3.0, [0.2], diagram)
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

    def spread(self, mixer, field):
        """Returns the `Spread` over the seeds of one number, such as `"nll"`."""
        values = [getattr(run, field) for run in self.of(mixer).values()]
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return Spread(mean, None, 1)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return Spread(mean, math.sqrt(squares / (len(values) - 1)), len(values))

    def summary(self):
        """Returns dict, mixer → number → `Spread`, of all mixers with a finished run."""
        fields = [score.field for score in (*SCORES, SECONDS)]
        return {
            mixer: {field: self.spread(mixer, field) for field in fields} for mixer in self.measured
        }

    def reliability(self, mixer):
        """Returns one `Reliability` of the predictions of all seeds of a mixer."""
        return scores.pool([run.reliability for run in self.of(mixer).values()])

    def to_json(self):
        """Returns the results as JSON text, the summary included."""
        summary = {
            mixer: {field: spread._asdict() for field, spread in numbers.items()}
            for mixer, numbers in self.summary().items()
        }
        runs = [dataclasses.asdict(run) for run in self.runs]
        for run in runs:
            run["reliability"] = scores.Reliability(*run["reliability"])._asdict()
        content = {
            "settings": self.settings,
            "mixers": self.mixers,
            "summary": summary,
            "runs": runs,
        }
        content["checksum"] = _checksum(content)
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text):
        """Reads what `to_json` wrote; the summary is computed afresh.

        Raises:
            ValueError: if the text is something else or has changed since; a text of an earlier
                version without a checksum is taken as it is.
        """
        try:
            content = json.loads(text)
            checksum = content.pop("checksum", None)
            if content.keys() != {"settings", "mixers", "summary", "runs"}:
                raise ValueError(f"keys {', '.join(content)}")
            if checksum not in (None, _checksum(content)):
                raise ValueError("the checksum does not fit the content")
            runs = [
                Run(**{**run, "reliability": scores.Reliability(**run["reliability"])})
                for run in content["runs"]
            ]
            return cls(dict(content["settings"]), dict(content["mixers"]), runs)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                "Results.from_json: the text must be what `to_json` wrote. "
                f"Received: {text[:40]!r}… ({type(error).__name__}: {error})"
            ) from error

    def save(self, folder):
        """Writes results.json atomically.

        Raises:
            OSError: if it cannot be written; the file that was there stays.
        """
        path = pathlib.Path(folder) / FILE
        atomic_file.write(path, self.to_json().encode("utf-8"))
        return path


def _checksum(content):
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
