"""The cards of a picture: for each sample its image, its label as a bar, and its partners.

They are markup without scripts and without style attributes, for the page and for notebooks alike.
"""

import html

import numpy as np

from keras_mix.plot._explorer.colors import of_class
from keras_mix.plot._labels import LEAST_WEIGHT, MOST_CLASSES

# Height of a bar whose width is 100; smaller images are shown with sharp pixels.
BAR, SMALL = 7, 64


def originals(scene, prefix, encoder):
    """Returns markup that shows nothing, to which the cards refer for the unmixed images."""
    symbols = "".join(
        f'<symbol id="{prefix}{index}" viewBox="{_view(image)}">{content}</symbol>'
        for index, (image, content) in enumerate(
            zip(scene.originals.images, _contents(scene, scene.originals, encoder), strict=True)
        )
    )
    return f'<svg class="kmx-symbols" width="0" height="0" aria-hidden="true">{symbols}</svg>'


def of_picture(scene, picture, prefix, encoder):
    """Returns the cards of a picture.

    Args:
        scene: The `Scene`.
        picture: Its `Picture`.
        prefix: String, the beginning of the ids of the `originals`.
        encoder: An `images.Encoder`.
    """
    contents = _contents(scene, picture, encoder)
    return "".join(
        f'<figure class="kmx-card"><div class="kmx-images">'
        f'<svg class="kmx-original" viewBox="{_view(image)}" role="img" '
        f'aria-label="Original {index}: {_label_text(scene, scene.originals, index)}">'
        f'<use href="#{prefix}{index}"/></svg>'
        f'<svg class="kmx-mixed" viewBox="{_view(image)}" role="img" '
        f'aria-label="Mixed {index}: {_label_text(scene, picture, index)}">{content}</svg></div>'
        f"{_label(scene, picture, index)}{_partners(scene, picture, index)}</figure>"
        for index, (image, content) in enumerate(zip(picture.images, contents, strict=True))
    )


def _view(image):
    return f"0 0 {image.shape[1]} {image.shape[0]}"


def _contents(scene, picture, encoder):
    """The image of each sample, with its mask, boxes and keypoints."""
    for index, image in enumerate(picture.images):
        height, width = image.shape[:2]
        size = f'width="{width}" height="{height}" preserveAspectRatio="none"'
        sharp = ' class="kmx-sharp"' if max(height, width) <= SMALL else ""
        layers = f'<image href="{encoder.image(image)}" {size}{sharp}/>'
        objects = ""
        if picture.masks is not None:
            mask = encoder.mask(picture.masks[index])
            objects += f'<image href="{mask}" {size} class="kmx-sharp"/>'
        objects += "".join(_box(scene, box, width) for box in picture.boxes[index])
        objects += "".join(_keypoint(*point, width) for point in picture.keypoints[index])
        yield layers + (f'<g class="kmx-objects">{objects}</g>' if objects else "")


def _box(scene, box, width):
    line, letter, color = width / 80, width / 14, of_class(box.class_id)
    return (
        f'<rect x="{box.left:.2f}" y="{box.top:.2f}" width="{box.right - box.left:.2f}" '
        f'height="{box.bottom - box.top:.2f}" fill="none" stroke="{color}" '
        f'stroke-width="{line:.2f}"/>'
        f'<text x="{box.left + line:.2f}" y="{box.top + letter:.2f}" font-size="{letter:.2f}" '
        f'fill="#fff" stroke="{color}" stroke-width="{letter / 4:.2f}" paint-order="stroke">'
        f"{_name(scene, box.class_id)}</text>"
    )


def _keypoint(x, y, width):
    return (
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{width / 50:.2f}" fill="#fff" stroke="#000" '
        f'stroke-width="{width / 150:.2f}"/>'
    )


def _label(scene, picture, index):
    """The stacked bar of a label, and its numbers."""
    if picture.labels is None:
        return ""
    weights = picture.labels[index]
    # Several classes of a sample may sum to more than 1.
    total, left, parts = max(1.0, float(weights.sum())), 0.0, []
    for class_id in _in_order(scene, index, np.flatnonzero(weights > 0)):
        across = 100 * float(weights[class_id]) / total
        parts.append(
            f'<rect x="{left:.3f}" width="{across:.3f}" height="{BAR}" '
            f'fill="{of_class(class_id)}"/>'
        )
        left += across
    bar = (
        f'<svg class="kmx-bar" viewBox="0 0 100 {BAR}" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect class="kmx-rest" width="100" height="{BAR}"/>'
        f"{''.join(parts)}</svg>"
    )
    named = _in_order(scene, index, _largest(weights))
    listed = "".join(
        f'<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" '
        f'fill="{of_class(class_id)}"/></svg><span>{_name(scene, class_id)}</span> '
        f"<b>{weights[class_id]:.2f}</b></li>"
        for class_id in named
    )
    return f'{bar}<ul class="kmx-label">{listed}</ul>'


def _name(scene, class_id):
    return html.escape(scene.explored.name(class_id))


def _largest(weights):
    """The classes with the largest weights."""
    order = np.argsort(-weights, kind="stable")
    return [k for k in order if weights[k] > LEAST_WEIGHT][:MOST_CLASSES]


def _in_order(scene, index, class_ids):
    """Classes, that of the sample itself first, so that its end moves with the pixels."""
    own = None if scene.class_ids is None else scene.class_ids[index]
    return sorted(map(int, class_ids), key=lambda class_id: (class_id != own, class_id))


def _label_text(scene, picture, index):
    if picture.labels is None:
        return "no label"
    weights = picture.labels[index]
    named = _in_order(scene, index, _largest(weights))
    return ", ".join(f"{_name(scene, class_id)} {weights[class_id]:.2f}" for class_id in named)


def _partners(scene, picture, index):
    """The sentence on the samples that one is mixed of."""
    weights = picture.sources[index].copy()
    own, weights[index] = weights[index], 0.0
    others = [int(k) for k in np.argsort(-weights, kind="stable") if weights[k] > 0]
    text = _sample(scene, index)
    if not others and np.array_equal(picture.images[index], scene.originals.images[index]):
        text += ", unmixed"
    if others:
        named = ", ".join(_sample(scene, k) for k in others)
        text += f" with {named}" if own > 0 else f" replaced by {named}"
    return f"<figcaption>{html.escape(text)}</figcaption>"


def _sample(scene, index):
    """The number of a sample in the batch, and its class."""
    known = scene.class_ids is not None
    return f"#{index}" + (f" ({scene.explored.name(scene.class_ids[index])})" if known else "")
