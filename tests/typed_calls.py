"""Calls as users write them, which mypy accepts, and mistakes, which it has to find.

An `ignore` without an error is itself an error: `warn_unused_ignores`.
"""

from typing_extensions import assert_type

import keras_mix
from keras_mix import layers, pairings

layers.CutMix(0.5, num_classes=10, pairing=pairings.ByClass("rare"), spatial_dims=1)
layers.MixUp(alpha=(2.0, 1.0), keep_major=True, label_mode="pairs")
layers.RandomApply(layers.RandomChoice([layers.CutMix(), layers.FMix()]), rate=0.5, seed=1)
layers.Cutout(16, fill_value="mean", per="batch")
layers.CrossModalMix(cuts={"image": layers.FMix(), "mask": "image"}, rate=0.5)

layers.CutMix(alhpa=0.5)  # type: ignore[call-arg]
layers.CutMix(1.0, 2)  # type: ignore[call-arg]
layers.CutMix(num_classes="ten")  # type: ignore[arg-type]
layers.MixUp(label_mode="pair")  # type: ignore[arg-type]
layers.Cutout(keep_major=True)  # type: ignore[call-arg]
layers.RandomApply(layers.CutMix(), probability=0.5)  # type: ignore[call-arg]
keras_mix.layer  # type: ignore[attr-defined]  # noqa: B018

assert_type(keras_mix.recipes.big_vision(), layers.MixUp)
