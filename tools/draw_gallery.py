"""Draws the README's pictures: every mixer on the same photographs, and masks and boxes.

The photographs are those that ship with scikit-learn: china.jpg by danielbuechele and flower.jpg by
vultilion, both CC BY 2.0.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline
from sklearn.datasets import load_sample_images

from keras_mix import layers

FOLDER = Path(__file__).parent / "pictures"
NAMES = ["pagoda", "flower", "lake", "petals"]
COLORS = np.array([[0, 0, 0], [230, 159, 0], [86, 180, 233], [0, 158, 115]])
SIDE = 256
# The photographs' parts: which, left, top and side, in pixels.
PARTS = [(0, 0, 0, 427), (1, 90, 0, 427), (0, 360, 120, 280), (1, 200, 110, 190)]
PAGODA = [(205, 28), (240, 95), (320, 120), (330, 180), (345, 250), (350, 310), (300, 388),
          (200, 388), (70, 340), (62, 265), (110, 180), (92, 120), (165, 95)]  # fmt: skip
# Settings that show what a mixer does, and a seed with which the four images all take part.
SHOWN = {
    "MixUp": {"alpha": 8.0},
    "CutMix": {"alpha": 4.0},
    "FMix": {"alpha": 8.0},
    "CowMix": {"fraction": (0.4, 0.6), "sigma": (0.125, 0.2)},
    "GridMix": {"alpha": 8.0},
    "SaliencyMix": {"alpha": 4.0},
    "ResizeMix": {"scale": (0.4, 0.7)},
    "SmoothMix": {"sigma": (0.25, 0.3)},
    "GuidedMixup": {},
    "RICAP": {"alpha": 4.0},
    "Mosaic": {},
    "Cutout": {"fill_value": "mean"},
    "GridMask": {"unit": (0.25, 0.3), "rotation": 30},
}
FILLING = ["Cutout", "GridMask"]
STRUCTURED = ["CutMix", "FMix", "ResizeMix", "Mosaic"]
SEED = 7


def main():
    """Draw both pictures."""
    FOLDER.mkdir(exist_ok=True)
    images, masks = photographs()
    save(gallery(images), "gallery.jpg")
    save(structured(images, masks), "structured.jpg")


def photographs():
    """uint8 images (4, SIDE, SIDE, 3) and int32 masks (4, SIDE, SIDE) of NAMES; 0 is background."""
    photos = load_sample_images().images
    everything = [np.concatenate([photo, outline], axis=-1) for photo, outline in zip(
        photos, (pagoda(photos[0]), flower(photos[1])), strict=True)]  # fmt: skip
    parts = [everything[n][top : top + side, left : left + side] for n, left, top, side in PARTS]
    parts = np.stack([tf.image.resize(part, (SIDE, SIDE)).numpy() for part in parts])
    masks = (parts[..., 3] > 127) * np.array([1, 2, 0, 3])[:, None, None]
    return parts[..., :3].round().astype("uint8"), masks.astype("int32")


def pagoda(photo):
    """(H, W, 1), 255 inside the pagoda, by an outline drawn by hand."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    inside = Outline(PAGODA).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    return 255.0 * inside.reshape(*photo.shape[:2], 1)


def flower(photo):
    """(H, W, 1), 255 where the photograph is bright and more red than blue: the upper flower."""
    red, blue = photo[..., :1].astype(float), photo[..., 2:].astype(float)
    upper = np.arange(len(photo))[:, None, None] < 368
    return 255.0 * ((red > 130) & (red > blue + 40) & upper)


def boxes_of(masks):
    """Keras's dict of the box around each mask; no box around none."""
    boxes, labels = np.full((len(masks), 1, 4), -1.0, "float32"), np.full((len(masks), 1), -1)
    for i, mask in enumerate(masks):
        ys, xs = np.nonzero(mask)
        if len(ys):
            boxes[i, 0] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            labels[i, 0] = mask.max()
    return {"boxes": boxes, "labels": labels}


def mixer(name, **options):
    """A mixer of the gallery."""
    paired = {} if name in FILLING else {"pairing": "roll"}
    return getattr(layers, name)(**paired, **SHOWN[name], **options)


def gallery(images):
    """Draws the first image under every mixer, with its label below."""
    figure, cells = grid(columns=5, rows=3)
    show(cells[0], images[0], "none", "pagoda 1.00")
    show(cells[1], images[1], "its partner", "flower 1.00")
    for axes, name in zip(cells[2:], SHOWN, strict=False):
        mixed, labels = mixer(name, num_classes=4)(images, np.arange(4), seed=seed())
        show(axes, mixed[0], name, shares(labels[0].numpy()))
    for axes in cells[2 + len(SHOWN) :]:
        axes.set_visible(False)
    return figure


def structured(images, masks):
    """Draws masks and boxes before mixing and under some mixers."""
    figure, cells = grid(columns=1 + len(STRUCTURED), rows=2)
    batch = {"images": images, "segmentation_masks": masks, "bounding_boxes": boxes_of(masks)}
    for column, name in enumerate(["none", *STRUCTURED]):
        mixed = batch
        if name != "none":
            mixed = mixer(name, bounding_boxes="xyxy")(batch, seed=seed())
        for row in (0, 1):
            axes = cells[row * (1 + len(STRUCTURED)) + column]
            show(axes, overlaid(mixed, row), name if row == 0 else "", "")
            draw_boxes(axes, mixed["bounding_boxes"], row)
    return figure


def overlaid(batch, index):
    """Overlays an image with its mask in color."""
    image, mask = np.array(batch["images"][index]), np.array(batch["segmentation_masks"][index])
    veil = 0.5 * image + 0.5 * COLORS[mask]
    return np.where(mask[..., None] > 0, veil, image).astype("uint8")


def draw_boxes(axes, boxes, index):
    """Draws the boxes of a sample, with the names of their classes."""
    found = zip(np.array(boxes["boxes"][index]), np.array(boxes["labels"][index]), strict=True)
    names = ["", "pagoda", "flower", "petals"]
    for (left, top, right, bottom), label in found:
        if label == -1:
            continue
        color = COLORS[label] / 255
        place = (left - 0.5, top - 0.5)
        axes.add_patch(
            Rectangle(place, right - left, bottom - top, fill=False, edgecolor=color, linewidth=2)
        )
        axes.text(left + 4, top + 4, names[label], va="top", fontsize=8, color="white",
                  bbox={"facecolor": color, "edgecolor": "none", "pad": 1.5})  # fmt: skip


def shares(weights):
    """Returns a label as text."""
    order = [k for k in np.argsort(-weights, kind="stable") if weights[k] > 0.005]
    texts = [f"{NAMES[k]} {weights[k]:.2f}" for k in order]
    return "\n".join("  ".join(texts[at : at + 2]) for at in range(0, len(texts), 2))


def grid(columns, rows):
    """A figure and its axes, row by row."""
    figure = Figure((2.1 * columns, 2.55 * rows), dpi=110, layout="constrained")
    return figure, np.ravel(figure.subplots(rows, columns))


def show(axes, image, title, text):
    """One picture, titled and captioned."""
    axes.imshow(np.array(image) / 255 if np.array(image).dtype != np.uint8 else np.array(image))
    axes.set_title(title, fontsize=11, weight="bold")
    axes.set_xlabel(text, fontsize=9)
    axes.set(xticks=[], yticks=[])


def seed():
    """The same for every mixer."""
    return tf.constant([SEED, 0])


def save(figure, name):
    """Write one picture."""
    path = FOLDER / name
    figure.savefig(path, pil_kwargs={"quality": 85})
    print(path)


if __name__ == "__main__":
    main()
