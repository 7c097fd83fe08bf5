"""Timing by rounds: contenders take short turns, so that noise affects all of them equally."""

import functools
import statistics
import time

# A turn of one contender lasts at least this long, in seconds, and so many batches.
SLICE = 0.15
FEWEST = 2
# The batches that tf.data keeps ready; they are taken before the clock starts.
READY = 2


def measure(steps, rounds):
    """Measures seconds per batch, one list of `rounds` values for each step.

    Args:
        steps: Functions that make one batch each.
        rounds: The number of rounds.
    """
    return alternate([functools.partial(turn, step) for step in steps], rounds)


def alternate(turns, rounds):
    """Collects seconds per batch, one list of `rounds` values for each contender.

    Args:
        turns: Functions that measure seconds per batch over one turn, here or in another process.
        rounds: The number of rounds.
    """
    for each in turns:
        # The first batches pay for tracing and compilation.
        each()
    seconds = [[] for _ in turns]
    for _ in range(rounds):
        for each, record in zip(turns, seconds, strict=True):
            record.append(each())
    return seconds


def turn(step):
    """Measures seconds per batch over one slice of time."""
    for _ in range(READY):
        step()
    count, elapsed = 0, 0.0
    start = time.perf_counter()
    while count < FEWEST or elapsed < SLICE:
        step()
        count += 1
        elapsed = time.perf_counter() - start
    # A parallel map works ahead until its buffer is full: not into the next one's time.
    time.sleep(READY * elapsed / count)
    return elapsed / count


def ratio(seconds, others):
    """Returns the speed ratio to another, as the median over the rounds that both ran in."""
    return statistics.median(other / own for own, other in zip(seconds, others, strict=True))


def spread(seconds, others):
    """The lower and upper quartile of the same ratios."""
    ratios = [other / own for own, other in zip(seconds, others, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return low, high
