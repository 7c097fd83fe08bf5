"""The scores of one model that was trained elsewhere."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix.evaluate import fingerprint, predictions, robust
from keras_mix.evaluate.results import Results
from keras_mix.evaluate.run import Run


def score_model(
    model: keras.Model,
    validation: tuple[Any, Any],
    *,
    name: str = "model",
    from_logits: bool = False,
    full: bool = False,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Results:
    """Scores a trained model: accuracy, likelihood and calibration, before and after temperature.

    Temperatures are cross-fitted on five folds of the samples, see `Run.scaled`, and all samples
    are scored; with fewer than two errors there is none. `answer` says what the scores mean,
    `write_report` makes a page of them.

    Args:
        model: Keras model with one input and one output `(B, K)`, or `(B, 1)` for one sigmoid unit.
        validation: Pair of a float array of samples `(N, …)` and an integer array of class ids
            `(N,)` in 0..K-1, which the model has not been trained on.
        name: String. What the model is called in tables and sentences. Defaults to `"model"`.
        from_logits: Boolean. Whether the model gives logits. Defaults to False: probabilities.
        full: Boolean. Whether to measure `Robustness` too, for images. Defaults to False.
        value_range: Pair of floats. The range of the samples, for `full`. Defaults to (0, 1).

    Returns:
        `Results` with one `Run`.

    Raises:
        ValueError: If the model has several inputs or outputs; if there is no sample; if
            predictions are NaN, or neither probabilities nor, with `from_logits=True`,
            logits; if ids are out of range; or if `full` is True and the samples are no images
            within `value_range`.

    Example:

    >>> from keras_mix.evaluate import datasets, networks
    >>> digits = datasets.load("digits")
    >>> untrained = networks.build("small", (8, 8, 1), 10)
    >>> score_model(untrained, digits.validation).runs[0].accuracy < 0.5
    True
    """
    predictions.check_model("score_model", model)
    samples, ids = _arrays(validation)
    shared = robust.settings("score_model", samples, value_range) if full else {}
    probabilities = predictions.probabilities("score_model", model, samples, from_logits)
    run = Run.of_predictions(name, probabilities, ids)
    if full:
        measured = robust.measure(model, samples, ids, shared, from_logits=from_logits)
        run = dataclasses.replace(run, robustness=measured)
    settings = {
        "validation_samples": len(ids),
        "sample_shape": list(samples.shape[1:]),
        "classes": probabilities.shape[1],
        "data": fingerprint.checksum(samples, ids),
        "model": fingerprint.model(model),
        "weights": model.count_params(),
        "versions": fingerprint.versions(),
        **shared,
    }
    return Results(settings, {name: None}, [run])


def _arrays(validation):
    """Samples and class ids as arrays; refuses others, and none."""
    try:
        samples, ids = map(np.asarray, validation)
    except (TypeError, ValueError):  # No pair, or NumPy's, of a list of several arrays.
        samples = None
    if samples is None or samples.dtype.kind == "O":
        received = f"a {type(validation).__name__}"
        if isinstance(validation, tuple | list):
            received += f" of {', '.join(type(each).__name__ for each in validation[:3])}"
        checks.refuse(
            "score_model",
            "`validation` must be a pair of an array of samples and an array of class ids",
            received,
        )
    if not samples.ndim or not len(samples):
        checks.refuse(
            "score_model", "`validation` must hold at least one sample", f"shape {samples.shape}"
        )
    return samples, ids
