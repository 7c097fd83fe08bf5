"""The plans that layers draw from given seeds, in the namespace in use. Needs no TensorFlow."""

import keras
import numpy as np
from mixer_table import MIXERS

from keras_mix import layers
from keras_mix._core.backend import xp
from keras_mix._core.batch.batch import Batch

SIZE, GRID = 5, (33, 47)
GRIDS = {1: (61,), 2: GRID, 3: (5, 9, 11)}
OTHERS = {
    "CutMix along time": layers.CutMix(spatial_dims=1),
    "CutMix of volumes": layers.CutMix(spatial_dims=3),
    "FMix along time": layers.FMix(spatial_dims=1),
    "FMix of volumes": layers.FMix(spatial_dims=3),
    "FMix of the authors' code": layers.FMix(spectrum="code"),
    "FMix with soft edges": layers.FMix(max_soft=0.1),
    "CowMix on a torus": layers.CowMix(wrap=True),
    "Cutout of three squares": layers.Cutout(count=3, size=0.3),
    "MixUp of three sources": layers.MixUp(sources=3),
    "SaliencyMix by the spectral residual": layers.SaliencyMix(detector="spectral_residual"),
    "GridMix of unequal cells": layers.GridMix(cells=(3, 5)),
}
MADE = {
    **{name: row.make() for name, row in MIXERS.items()},
    **{f"{name}, strong": row.make(**row.strong) for name, row in MIXERS.items()},
    **{f"{name}, per batch": row.make(per="batch") for name, row in MIXERS.items()},
    **OTHERS,
}
STORED_PARTS = ("sources", "weights", "region", "soft", "placement0", "combine0")


def sampled(layer, size=6, grid=(8, 5), seed=(1, 2), **given):
    """The plan that a layer draws for a batch, with other fields of it as given."""
    images = xp.constant(np.random.default_rng(0).random((size, *grid, 3), np.float32))
    batch = Batch(
        size=size,
        donors=size,
        has_second_batch=False,
        draws=1 if layer.per == "batch" else size,
        grid=grid if layer.grid_rank else None,
        axes=tuple(range(1, 1 + len(grid))),
        images=images,
        donor_images=images,
        labels=xp.range(size),
        **given,
    )
    return layer.sample(batch, xp.cast(xp.convert_to_tensor(seed), "int32"))


def tensors_of(layer, seed):
    """Dict of the tensors of the plan that a layer draws from two numbers."""
    plan = sampled(layer, SIZE, GRIDS[layer.grid_rank or 2], seed)
    parts = {"sources": xp.cast(plan.sources, "uint8"), "weights": plan.weights}
    if plan.region is not None:
        parts["region"] = plan.region.dense()
    for name, part in (("placement", plan.placement), ("combine", plan.combine)):
        tensors = [each for each in keras.tree.flatten(part) if xp.is_tensor(each)]
        parts |= {f"{name}{n}": each for n, each in enumerate(tensors)}
    return parts
