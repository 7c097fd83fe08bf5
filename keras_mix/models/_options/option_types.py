"""The types of the arguments that models pass on to `MixingModel`, for editors."""

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from keras_mix.models.attention_weights import AttentionWeights
from keras_mix.models.feature_weights import FeatureWeights


class MixingOptions(TypedDict, total=False):
    """The arguments that a recipe passes to `MixingModel`, and Keras's name and dtype."""

    rate: float
    loss_mode: Literal["sources", "mixed_targets"]
    weigh_labels: AttentionWeights | FeatureWeights | None
    kinds: Mapping[str, str] | None
    seed: int | None
    name: str | None
    dtype: Any
