"""Charts of the report as SVG: gains with their intervals, and reliability diagrams.

Colors come from the page's style sheet by class, so that the charts follow light and dark; texts
have the page's size at any width, as no chart is wider than a phone.
"""

import html
import math

from keras_mix.plot._reliability import chance_band

WIDTH = 300
# Gains: the height of a heading, of a row and of the axis, and the margins left and right.
HEADING, ROW, AXIS, MARGIN = 26, 38, 34, 12
# Reliability: the plot's left and top edge and sides, and the height of the histogram below.
LEFT, TOP, ACROSS, UP, HISTOGRAM, GAP = 42, 10, 244, 210, 36, 10
CLASSES = {1: "gain", 0: "unclear", -1: "loss"}


def gains(groups, score):
    """Draws the gains of mixers over no mixing in one score, better to the right.

    Args:
        groups: Dict from the title of a group of rows, which may be empty, to a list of
            `verdict.Comparison` in that score.
        score: `keras_mix.evaluate.results.Score`.

    Returns:
        String, an `svg` element. A filled mark is a clear difference, a hollow one is not.
    """
    rows = [found for group in groups.values() for found in group]
    low, high = _limits(rows, score)
    scale = (WIDTH - 2 * MARGIN) / (high - low)

    def x(value):
        return MARGIN + (min(max(value, low), high) - low) * scale

    headings = sum(bool(title) for title in groups)
    bottom = HEADING * headings + ROW * len(rows) + 4
    parts = [_line(x(0), 0, x(0), bottom, "zero")]
    for tick in _ticks(low, high):
        parts.append(_line(x(tick), bottom, x(tick), bottom + 4, "axis"))
        label = _signed(tick)
        half = 3.5 * len(label)  # of its width, so that no end of it leaves the chart
        center = min(max(x(tick), half), WIDTH - half)
        parts.append(_text(center, bottom + 17, label, "tick middle"))
    parts.append(_line(MARGIN, bottom, WIDTH - MARGIN, bottom, "axis"))
    parts.append(_text(MARGIN, bottom + 32, "← worse", "tick"))
    parts.append(_text(WIDTH - MARGIN, bottom + 32, "better →", "tick end"))
    top = 0
    for title, group in groups.items():
        if title:
            parts.append(_text(0, top + 18, title, "group"))
            top += HEADING
        for found in group:
            parts.append(_gain(found, score, top, x, (low, high)))
            top += ROW
    return _svg(WIDTH, bottom + AXIS + 2, parts, _gains_text(groups, score))


def reliability(diagram, name, runs=1):
    """Draws accuracy against confidence, with the band in which chance alone leaves the points.

    Args:
        diagram: `keras_mix.evaluate.Reliability` of all runs together.
        name: String. The mixer's.
        runs: Integer. The number of runs in the diagram. They predict the same samples, so that the
            band is that of the predictions of one run.

    Returns:
        String, an `svg` element.
    """
    bins, total = len(diagram.counts), max(sum(diagram.counts), 1)
    bottom, base = TOP + UP, TOP + UP + GAP + HISTOGRAM

    def x(value):
        return LEFT + value * ACROSS

    def y(value):
        return bottom - value * UP

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(x(0), y(tick), x(1), y(tick), "grid"))
        parts.append(_text(x(0) - 6, y(tick) + 4, f"{100 * tick:.0f}", "tick end"))
        parts.append(_text(x(tick), base + 16, f"{100 * tick:.0f}", "tick middle"))
    width = ACROSS / bins
    drawn = []
    for index, (count, confidence, accuracy) in enumerate(zip(*diagram, strict=True)):
        if not count:
            continue
        low, high = chance_band(count / runs, confidence)
        left = x(index / bins)
        parts.append(_rect(left + 1, y(high), width - 2, max(y(low) - y(high), 1), "band"))
        height = HISTOGRAM * count / max(diagram.counts)
        parts.append(_rect(left + 1, base - height, width - 2, height, "count"))
        side = "unclear" if low <= accuracy <= high else "over" if accuracy < low else "under"
        drawn.append(_line(x(confidence), y(confidence), x(confidence), y(accuracy), side))
        drawn.append(_mark(x(confidence), y(accuracy), side, {"over": -1, "under": 1}.get(side, 0)))
    parts.append(_line(x(0), y(0), x(1), y(1), "diagonal"))
    parts += drawn
    parts.append(_line(x(0), base, x(1), base, "axis"))
    parts.append(_text(x(0.5), base + 33, "confidence, %", "name middle"))
    parts.append(
        f'<text class="name middle" transform="translate(12 {y(0.5):.0f}) rotate(-90)">'
        "accuracy, %</text>"
    )
    parts.append(
        _text(x(0) + 4, bottom + GAP + 12, f"{total:,} predictions", "tick") if total else ""
    )
    error = 100 * diagram.calibration_error
    label = f"Reliability diagram of {name}: ECE {error:.1f} % over {total:,} predictions"
    return _svg(WIDTH, base + 40, parts, label)


def sign(found):
    """Returns 1 for a clear gain, -1 for a clear loss, 0 for a difference that is not clear."""
    return int(math.copysign(1, found.mean)) if found.is_clear else 0


def numbers(found, score):
    """Returns such as `"+7.2 ± 1.6"`, the gain and its interval in the unit of `score`."""
    mean = _signed(found.mean * score.factor, score.digits)
    if not math.isfinite(found.margin):
        return f"{mean}, too few seeds"
    return f"{mean} ± {found.margin * score.factor:.{score.digits}f}"


def _gain(found, score, top, x, limits):
    clear = CLASSES[sign(found)]
    y, mean = top + 26, found.mean * score.factor
    parts = [
        _text(0, top + 14, _shortened(found.mixer), "label"),
        _text(WIDTH, top + 14, numbers(found, score), f"value end {clear}"),
    ]
    if math.isfinite(found.margin):
        margin = found.margin * score.factor
        ends = (mean - margin, mean + margin)
        parts.append(_line(x(ends[0]), y, x(ends[1]), y, clear))
        for end, inside in zip(ends, (ends[0] >= limits[0], ends[1] <= limits[1]), strict=True):
            if inside:
                parts.append(_line(x(end), y - 4, x(end), y + 4, clear))
    parts.append(_mark(x(mean), y, clear, sign(found)))
    return "".join(parts)


def _limits(rows, score):
    """Returns the ends of the axis: 0, all means, and intervals up to three times the means."""
    least, factor = 10.0**-score.digits, score.factor
    most = max(3 * abs(found.mean * factor) for found in rows)
    ends = [0.0]
    for found in rows:
        margin = found.margin * factor if math.isfinite(found.margin) else 0.0
        for end in (-margin, 0.0, margin):
            ends.append(min(max(found.mean * factor + end, -most), most))
    pad = max(0.06 * (max(ends) - min(ends)), least)
    return min(ends) - pad, max(ends) + pad


def _ticks(low, high):
    """Returns 2 to 5 round numbers between low and high, 0 among them."""
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _signed(value, digits=None):
    text = f"{value:+.{digits}f}" if digits is not None else f"{value:+.3g}"
    return "0" if float(text) == 0 and digits is None else text.replace("-", "−")


def _shortened(name, length=24):
    return name if len(name) <= length else name[: length - 1] + "…"


def _gains_text(groups, score):
    """What a screen reader says instead of the chart."""
    words = {1: "clearly better", -1: "clearly worse", 0: "not clear"}
    return f"Gains in {score.title}: " + "; ".join(
        f"{title + ', ' * bool(title)}{found.mixer} {numbers(found, score)}, {words[sign(found)]}"
        for title, group in groups.items()
        for found in group
    )


def _svg(width, height, parts, label):
    return (
        f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{html.escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _line(x1, y1, x2, y2, style):
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(x, y, width, height, style):
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _text(x, y, text, style):
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def _mark(x, y, style, direction):
    """A triangle that points up or down, or a hollow circle: told apart without color."""
    if not direction:
        return f'<circle class="{style} hollow" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    tip, base = y - 5.5 * direction, y + 4 * direction
    points = f"{x:.1f},{tip:.1f} {x - 5:.1f},{base:.1f} {x + 5:.1f},{base:.1f}"
    return f'<polygon class="{style}" points="{points}"/>'
