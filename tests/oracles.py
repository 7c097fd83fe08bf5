"""Slow numpy loops over samples and pixels, written from the definitions and not from our code.

Images are [B, *spatial] or [B, *spatial, C]; a plan is given by its arrays: `sources` [B, S],
`weights` [B, S], `region` [B, *spatial] of source numbers or [B, *spatial, S] of shares, and
`placement` [B, S, 4] of rectangles (top, left, height, width) or [B, S, 2] of their corners alone.
"""

import math

import numpy as np
from scipy import ndimage


def paste(images, sources, region, placement=None, nearest=False):
    """Takes every pixel from the source that the region names there."""
    copied = placement is None or nearest
    result = np.empty(images.shape, images.dtype if copied else np.float64)
    for i in range(len(images)):
        used = {int(s) for s in np.ravel(region[i])}
        frames = _frames(images, sources, placement, nearest, i, used)
        for place in np.ndindex(region.shape[1:]):
            result[i][place] = frames[int(region[i][place])][place]
    return result


def soft(images, sources, region, placement=None):
    """Takes from every source the share that the region gives it at that pixel."""
    result = np.zeros(images.shape, np.float64)
    for i in range(len(images)):
        used = [s for s in range(sources.shape[1]) if region[i][..., s].any()]
        frames = _frames(images, sources, placement, False, i, used)
        for place in np.ndindex(region.shape[1:-1]):
            for s, frame in frames.items():
                result[i][place] += float(region[i][place][s]) * frame[place].astype(np.float64)
    return result


def blend(values, sources, weights):
    """Σ weight · value of the source, for whatever has the samples along its first axis."""
    result = np.zeros(values.shape, np.float64)
    for i in range(len(values)):
        for source, weight in zip(sources[i], weights[i], strict=True):
            result[i] += float(weight) * values[source].astype(np.float64)
    return result


def placed(image, rectangle, nearest):
    """The whole image [H, W] or [H, W, C], stretched to fill a rectangle of a frame of its size.

    The centre of pixel p of the frame lies at (p + ½ - start) / extent of the image. Linear
    reading joins the centres of the image's pixels, nearest takes the pixel that the centre falls
    in; beyond the image its border goes on. A corner alone moves the image at its own size.
    """
    sizes = image.shape[:2] if len(rectangle) == 2 else ()
    top, left, height, width = (float(number) for number in (*rectangle, *sizes))
    result = np.empty(image.shape, image.dtype if nearest else np.float64)
    for row, column in np.ndindex(image.shape[:2]):
        y = (row + 0.5 - top) / height * image.shape[0]
        x = (column + 0.5 - left) / width * image.shape[1]
        result[row, column] = _nearest(image, y, x) if nearest else _linear(image, y, x)
    return result


def rectangle(centre, sides, grid):
    """bool [*grid]: the places from centre - side // 2 on, as many as the side has, if there."""
    region = np.zeros(grid, bool)
    for place in np.ndindex(*grid):
        region[place] = all(
            c - s // 2 <= p < c - s // 2 + s for p, c, s in zip(place, centre, sides, strict=True)
        )
    return region


def blocks(corner, grid):
    """int [*grid]: 0 and 1 above the corner's row, 2 and 3 from it on; odd from its column on."""
    region = np.zeros(grid, int)
    for row, column in np.ndindex(*grid):
        region[row, column] = 2 * (row >= corner[0]) + (column >= corner[1])
    return region


def lattice(angle, offset, unit, side, grid):
    """bool [*grid]: the squares of a lattice, turned by an angle whose sines are 512ths.

    Lengths are counted in half pixels from the image's centre, so all numbers are whole.
    """
    sine, cosine = (round(512 * f(math.radians(angle))) for f in (math.sin, math.cos))
    region = np.zeros(grid, bool)
    for row, column in np.ndindex(*grid):
        y, x = 2 * row - (grid[0] - 1), 2 * column - (grid[1] - 1)
        turned = cosine * y - sine * x, sine * y + cosine * x
        region[row, column] = all(
            (place + 1024 * int(shift)) % (1024 * int(unit)) < 1024 * int(side)
            for place, shift in zip(turned, offset, strict=True)
        )
    return region


def spot(centre, sigma, grid):
    """float64 [*grid]: a Gaussian with a height of 1, sigma a share of each side."""
    region = np.zeros(grid)
    for place in np.ndindex(*grid):
        away = [(p - c) / (sigma * n) for p, c, n in zip(place, centre, grid, strict=True)]
        region[place] = math.exp(-sum(a * a for a in away) / 2)
    return region


def field(coefficients, grid):
    """float64 [*grid]: the inverse Fourier transform of the spectrum that the coefficients mean.

    They are those of 1, √2 cos, √2 sin, √2 cos 2, … along each axis.
    """
    spectrum = coefficients.astype(complex)
    for axis, size in enumerate(grid):
        given = np.moveaxis(spectrum, axis, 0)
        complete = np.zeros((size, *given.shape[1:]), complex)
        complete[0] = given[0]
        for n in range(1, len(given) // 2 + 1):
            cosine, sine = given[2 * n - 1], given[2 * n]
            if not (np.any(cosine) or np.any(sine)):
                continue  # The grid may be too coarse to have these.
            complete[n] += (cosine - 1j * sine) / math.sqrt(2)
            complete[-n] += (cosine + 1j * sine) / math.sqrt(2)
        spectrum = np.moveaxis(complete, 0, axis)
    return np.fft.ifftn(spectrum).real * np.prod(grid)


def fmix_code_field(param, decay, grid):
    """float64 [*grid]: what FMix's published code makes of standard normal numbers.

    Args:
        param: [height, width // 2 + 1, 2], where the code draws the numbers.
        decay: The decay power.
        grid: (height, width).
    """
    height, width = grid
    down = np.abs(np.fft.fftfreq(height))[:, None]
    across = np.abs(np.fft.fftfreq(width))[: width // 2 + 1]
    frequency = np.maximum(np.hypot(down, across), 1 / max(grid))
    spectrum = param / frequency[..., None] ** decay
    # Here the code means the last axis, and takes the first.
    return np.fft.irfftn(spectrum[0] + 1j * spectrum[1], grid, axes=(0, 1))


def assert_top(mask, field, count, tolerance):
    """The mask has `count` positions, and none outside is higher than one inside."""
    assert mask.sum() == count
    if 0 < count < mask.size:
        assert field[mask].min() >= field[~mask].max() - tolerance


def spectral_residual(light):
    """float64 [H, W]: the saliency of Hou and Zhang, before it is smoothed.

    The image's differences from its mean fall to nothing along 15 % of each side first, and
    amplitudes below 3e-5 of the level's count as that.
    """
    tapered = light.astype("float64") - light.mean(dtype="float64")
    for axis, size in enumerate(light.shape):
        near = [min(place + 0.5, size - place - 0.5) / size for place in range(size)]
        weight = [0.5 - 0.5 * math.cos(math.pi * min(part / 0.15, 1)) for part in near]
        tapered *= np.expand_dims(weight, 1 - axis)
    spectrum = np.fft.fft2(tapered)
    amplitude = np.maximum(np.abs(spectrum), 3e-5 * light.sum(dtype="float64"))
    logarithm = np.log(amplitude)
    residual = logarithm - ndimage.uniform_filter(logarithm, 3, mode="wrap")
    return np.abs(np.fft.ifft2(spectrum / amplitude * np.exp(residual))) ** 2


def fine_grained(levels):
    """int [H, W]: the saliency of Montabone and Soto, with the steps and roundings of OpenCV.

    Args:
        levels: int [H, W], gray levels from 0 to 255.
    """
    for _ in range(2):
        levels = (_weighted_by_121(levels) + 8) // 16
    height, width = levels.shape
    lighter, darker = (np.zeros((height, width), int) for _ in range(2))
    for radius in (12, 24, 48, 28, 56, 112):
        for y, x in np.ndindex(height, width):
            window = levels[max(y - radius + 1, 0) : y + radius + 1]
            window = window[:, max(x - radius + 1, 0) : x + radius + 1]
            if window.size > 1:
                level = int(levels[y, x])
                others = (int(window.sum()) - level) / (window.size - 1)
                lighter[y, x] += math.floor(max(level - others, 0) + 1e-9)
                darker[y, x] += math.floor(max(others - level, 0) + 1e-9)
    return sum(255 * contrast // max(contrast.max(), 1) for contrast in (lighter, darker))


def _weighted_by_121(levels):
    """int [H, W]: sums with the weights 1, 2, 1 in both directions; borders are mirrors."""
    for axis in (0, 1):
        lines = np.moveaxis(levels, axis, 0)
        last = len(lines) - 1
        found = np.empty_like(lines)
        for place in range(last + 1):
            before = abs(place - 1) if last else 0
            behind = place + 1 if place < last else max(last - 1, 0)
            found[place] = lines[before] + 2 * lines[place] + lines[behind]
        levels = np.moveaxis(found, 0, axis)
    return levels


def count(region, sources):
    """int [B, S], how many places of each sample come from each of its sources."""
    counts = np.zeros((len(region), sources), int)
    for i in range(len(region)):
        for place in np.ndindex(region.shape[1:]):
            counts[i, int(region[i][place])] += 1
    return counts


def pixels_of(images, samples):
    """int [B, samples], how many pixels of each image have the value 0, 1, … samples - 1."""
    counts = np.zeros((len(images), samples), int)
    for i, image in enumerate(images):
        for value in np.ravel(image):
            counts[i, int(value)] += 1
    return counts


def shares(counts):
    """float32 [B, S] of counts: each source's count / places, and for the first what is left."""
    result = np.empty(counts.shape, np.float32)
    for i, row in enumerate(counts):
        places, left = np.float32(row.sum()), np.float32(1)
        for s in range(1, len(row)):
            result[i, s] = np.float32(row[s]) / places
            left -= result[i, s]
        result[i, 0] = left
    return result


def one_hot(ids, classes):
    """float64 [B, K]."""
    result = np.zeros((len(ids), classes))
    for i, label in enumerate(np.ravel(ids)):
        result[i, label] = 1.0
    return result


def _frames(images, sources, placement, nearest, i, used):
    """The frames of those of sample i's sources that are used, by the source's number."""
    if placement is None:
        return {s: images[sources[i, s]] for s in used}
    return {s: placed(images[sources[i, s]], placement[i, s], nearest) for s in used}


def _nearest(image, y, x):
    row = min(max(math.floor(y), 0), image.shape[0] - 1)
    column = min(max(math.floor(x), 0), image.shape[1] - 1)
    return image[row, column]


def _linear(image, y, x):
    row, column = math.floor(y - 0.5), math.floor(x - 0.5)
    result = 0.0
    for r, down in ((row, 1 - (y - 0.5 - row)), (row + 1, y - 0.5 - row)):
        for c, right in ((column, 1 - (x - 0.5 - column)), (column + 1, x - 0.5 - column)):
            r_in = min(max(r, 0), image.shape[0] - 1)
            c_in = min(max(c, 0), image.shape[1] - 1)
            result = result + down * right * image[r_in, c_in].astype(np.float64)
    return result
