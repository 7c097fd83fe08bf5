"""The report of a comparison, one HTML page with embedded pictures."""

import base64
import importlib.resources
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from keras_mix import plot
from keras_mix._core import atomic_file
from keras_mix._core.optional_imports import require
from keras_mix.evaluate import picture, verdict
from keras_mix.evaluate.results import BASELINE, SCORES, SECONDS, Results

FILE = "report.html"


def write_report(
    results: Results,
    folder: str | os.PathLike[str],
    *,
    title: str = "Mixing compared",
    samples: Any = None,
    command: str | None = None,
    notes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes `report.html` and its pictures, `reliability.png` and `samples.png`.

    Args:
        results: `keras_mix.evaluate.Results` with at least one run.
        folder: Path of a folder, created if missing; `~` is the home folder.
        title: String. Headline. Defaults to "Mixing compared".
        samples: `matplotlib.figure.Figure` of mixed samples, as returned by `draw`. Defaults to
            None.
        command: String. Command that repeats the comparison. Defaults to None.
        notes: Sequence of strings. Remarks for the reader, such as skipped images. Defaults to ().

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: If there is no finished run.
        OSError: If a file cannot be written.
        ImportError: If matplotlib or jinja2 is missing.

    Example:

    >>> from keras_mix.evaluate import Reliability, Results, Run
    >>> run = Run("none", 0, 1.0, 0.1, 0.02, 0.1, 3.0, [0.2], Reliability([1], [0.9], [1.0]))
    >>> write_report(Results({"epochs": 1}, {"none": None}, [run]), ".").name
    'report.html'
    """
    if not results.runs:
        raise ValueError("write_report: `results` must hold at least one finished run.")
    folder = os.path.expanduser(folder)
    diagrams = {mixer: results.reliability(mixer) for mixer in results.measured}
    jinja2 = require("jinja2", "The report")
    template = importlib.resources.files("keras_mix.evaluate").joinpath(FILE).read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    worse, better = verdict.sentences(results)
    page = environment.from_string(template).render(
        title=title,
        baseline=BASELINE,
        results=results,
        summary=results.summary(),
        columns=(*SCORES, SECONDS),
        worse=worse,
        better=better,
        undecided=verdict.undecided(results),
        least_samples=verdict.LEAST_SAMPLES,
        reliability=_picture(plot.reliability(diagrams), folder, "reliability.png"),
        samples=samples and _picture(samples, folder, "samples.png"),
        command=command,
        notes=notes,
    )
    path = pathlib.Path(folder) / FILE
    # Names of files may hold what is no UTF-8.
    atomic_file.write(path, page.encode("utf-8", "backslashreplace"))
    return path


def _picture(figure, folder, name):
    """Writes a figure as PNG and returns it as a data URI."""
    content = picture.png(figure)
    atomic_file.write(pathlib.Path(folder, name), content)
    return "data:image/png;base64," + base64.b64encode(content).decode()
