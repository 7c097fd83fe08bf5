"""Accuracy under attack and occlusion, of all trainings of a network at once."""

import numpy as np

from keras_mix import robustness

EPSILON = 0.1  # in the maximum norm, for pixels in 0..1
SAMPLES = 200
HIDDEN = 0.5  # of the height and of the width


def accuracies(networks, x, ids):
    """{attack: accuracies `(S,)`}.

    Args:
        networks: A `tools.study.engine.Networks` of S trainings.
        x: Float32 images `(S, N, H, W, C)`.
        ids: Integers `(S, N)`.
    """
    x, ids = x[:, :SAMPLES], ids[:, :SAMPLES]
    flat = {"x": x.reshape(-1, *x.shape[2:]), "y": ids.reshape(-1)}
    how = {"epsilon": EPSILON, "from_logits": True, "batch_size": ids.size}
    changed = {
        "fgsm": robustness.fgsm(networks, **flat, **how),
        "pgd": robustness.pgd(networks, **flat, **how),
        "occlusion": occluded(x),
    }
    return {
        name: (networks.logits(images.reshape(x.shape)).argmax(axis=-1) == ids).mean(axis=1)
        for name, images in changed.items()
    }


def occluded(images):
    """Images `(S, N, H, W, C)` with a black rectangle at a random place, the same for each S."""
    height, width = images.shape[2:4]
    tall, wide = round(height * HIDDEN), round(width * HIDDEN)
    rng = np.random.default_rng(16)
    top = rng.integers(0, height - tall, images.shape[1], endpoint=True)[:, None, None]
    left = rng.integers(0, width - wide, images.shape[1], endpoint=True)[:, None, None]
    rows, columns = np.arange(height)[:, None], np.arange(width)
    hidden = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return images * ~hidden[..., None]
