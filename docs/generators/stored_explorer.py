"""Writes the explorer with stored pictures of the README's photographs: a demonstration."""

import sys

import numpy as np
import tensorflow as tf

from keras_mix.plot._explorer import Scene, read, stored
from keras_mix.plot._explorer.images import Encoder
from tools.draw_gallery import NAMES, boxes_of, photographs

SIDE = 160
ALPHAS = [0.2, 0.5, 1.0, 4.0]
STOPS = {
    "MixUp": ("alpha", ALPHAS),
    "CutMix": ("alpha", ALPHAS),
    "FMix": ("alpha", ALPHAS),
    "CowMix": ("fraction", [(0.1, 0.3), (0.2, 0.8), (0.4, 0.6), (0.7, 0.9)]),
    "GridMix": ("cells", [2, 4, 8, 16]),
    "SaliencyMix": ("alpha", ALPHAS),
    "ResizeMix": ("scale", [(0.1, 0.3), (0.1, 0.8), (0.3, 0.5), (0.6, 0.8)]),
    "SmoothMix": ("sigma", [(0.1, 0.15), (0.2, 0.25), (0.25, 0.5), (0.6, 0.7)]),
    "RICAP": ("alpha", [0.1, 0.3, 1.0, 4.0]),
    "Mosaic": ("offset", [(0.1, 0.3), (0.25, 0.75), (0.45, 0.55), (0.7, 0.9)]),
    "Cutout": ("size", [0.1, 0.25, 0.5, 0.75]),
    "GridMask": ("keep_ratio", [0.2, 0.4, 0.6, 0.8]),
}
SEEDS = [1, 2, 3]


def batch():
    """Keras's dict of four photographs; class 0 is the masks' background."""
    images, masks = photographs()
    ids = np.arange(1, len(NAMES) + 1)
    masks = (masks > 0) * ids[:, None, None]
    smaller = tf.image.resize(masks[..., None], (SIDE, SIDE), "nearest")[..., 0].numpy()
    return {
        "images": tf.image.resize(images, (SIDE, SIDE)).numpy().round().astype("uint8"),
        "labels": ids,
        "segmentation_masks": smaller,
        "bounding_boxes": boxes_of(smaller),
    }


def main(folder):
    """Writes the page into a folder."""
    scene = Scene(read(batch(), ["background", *NAMES], "xyxy"))
    stored.write(
        scene,
        folder,
        title="four photographs",
        stops=STOPS,
        # Of so few samples a shuffle would leave many unmixed.
        fixed={"pairing": "derange"},
        seeds=SEEDS,
        encoder=Encoder("WEBP", quality=72),
    )


if __name__ == "__main__":
    main(sys.argv[1])
