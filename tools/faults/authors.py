"""Deviations from the authors' code."""

import numpy as np

import keras_mix
from faults.common import Checks, L, N

checks = Checks()


@checks("D")
def authors_are_followed():
    """Statistics of the methods match their authors' code."""
    deit = keras_mix.recipes.deit(num_classes=N)
    yield "deit pairs as timm does", {mixer.pairing for mixer in deit.mixers}, {"reverse"}
    x = np.zeros((512, 64, 64, 1), "float32")
    x[256:] = 1
    y = np.eye(512, dtype="float32")
    top = []
    for seed in range(12):
        mix = L.ResizeMix(pairing="reverse", seed=seed)
        mixed = np.asarray(mix(x, y)[0])[:256, :, :, 0]
        top.append((mixed[:, 0].max(axis=1) > 0).mean())
    share = float(np.mean(top))
    yield "ResizeMix: boxes at the top border (authors 22–24 %)", 0.20 < share < 0.26 or share, True
