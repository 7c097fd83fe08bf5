"""Where a mixer did worse than no mixing, and where better, in words."""

from keras_mix.evaluate.results import BASELINE, SCORES


def sentences(results):
    """Compares each mixer with the baseline `none`, seed by seed.

    A seed gives both the same initial weights and the same order of samples, so the runs are
    pairs; a sentence counts the pairs in which the mixer was worse or better.

    Args:
        results: `keras_mix.evaluate.Results`.

    Returns:
        Two lists of str: where mixers are worse, and where they are better. Both are empty when
        `none` or every other mixer is missing.
    """
    worse, better = [], []
    for mixer in results.measured:
        if mixer == BASELINE:
            continue
        for score in SCORES:
            pairs = _pairs(results, mixer, score.field)
            if not pairs:
                continue
            sign = 1.0 if score.higher_is_better else -1.0
            gains = [sign * (mixed - plain) for mixed, plain in pairs]
            if sum(gains) < 0:
                worse.append(_sentence(mixer, score, pairs, "worse", sum(g < 0 for g in gains)))
            elif sum(gains) > 0:
                better.append(_sentence(mixer, score, pairs, "better", sum(g > 0 for g in gains)))
    return worse, better


def _pairs(results, mixer, field):
    """Returns list of (mixed, plain) numbers, one for each seed that both have finished."""
    plain = results.of(BASELINE)
    return [
        (getattr(run, field), getattr(plain[seed], field))
        for seed, run in results.of(mixer).items()
        if seed in plain
    ]


def _sentence(mixer, score, pairs, word, count):
    mixed, plain = (sum(values) / len(pairs) * score.factor for values in zip(*pairs, strict=True))
    unit = f"\N{NO-BREAK SPACE}{score.unit}" if score.unit else ""
    seeds = "the only seed" if len(pairs) == 1 else f"{count} of {len(pairs)} seeds"
    return (
        f"{mixer} is {word} than {BASELINE} in {score.title}: {mixed:.{score.digits}f} against "
        f"{plain:.{score.digits}f}{unit}, {word} at {seeds}."
    )
