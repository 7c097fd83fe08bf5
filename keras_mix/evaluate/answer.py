"""The answer in two sentences: does mixing gain, is the confidence right; and what follows.

Tables of conditions choose the text: the first true condition decides a sentence, and every true
one adds a line of advice. The conditions rest on intervals over the seeds (`verdict`), and on
intervals and noise floors over the samples (`confidence`).
"""

from typing import NamedTuple

from keras_mix.evaluate._answer import gain, right_confidence
from keras_mix.evaluate._answer.advice import advice
from keras_mix.evaluate._answer.facts import Facts
from keras_mix.evaluate._answer.gain import Outcome
from keras_mix.evaluate.results import Results


class Answer(NamedTuple):
    """What the numbers of a comparison say, in words, without markup.

    Attributes:
        outcome: An `Outcome`.
        sentences: Tuple of two strings: on the gain, and on the confidence.
        advice: Tuple of strings. What follows; may be empty.
    """

    outcome: Outcome
    sentences: tuple[str, str]
    advice: tuple[str, ...]


def answer(results: Results) -> Answer:
    """Returns what the numbers of a comparison say, and never more than they carry.

    A gain or loss is named if the paired 95 % interval over the seeds leaves out 0 after Holm's
    correction over the mixers, in accuracy or in the likelihood after temperature scaling. A
    network is over- or under-confident if the 95 % interval of its signed gap leaves out 0, and
    unevenly calibrated if only its ECE lies above the noise floor's interval.

    Args:
        results: `keras_mix.evaluate.Results` with at least one run.

    Returns:
        An `Answer`: two sentences and the advice that follows from them, without markup.

    Raises:
        ValueError: If there is no finished run.
        ImportError: If scipy is missing.

    Example:

    >>> from keras_mix.evaluate import Results, Run
    >>> run = Run.of_predictions("none", [[0.9, 0.1], [0.2, 0.8]] * 40, [0, 1] * 40)
    >>> print(answer(Results({"epochs": 1}, {"none": None}, [run])).sentences[0])
    No mixer was tried: accuracy 100.0 % without mixing.
    """
    if not results.runs:
        raise ValueError("answer: `results` must hold at least one finished run. Received: none.")
    facts = Facts(results)
    outcome, first = gain.sentence(facts)
    return Answer(outcome, (first, right_confidence.sentence(facts)), advice(facts))
