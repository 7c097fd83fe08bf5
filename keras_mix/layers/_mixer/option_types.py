"""The types of the mixers' options, for editors and type checkers."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeAlias

from typing_extensions import TypedDict

from keras_mix.label_rules import LabelRule
from keras_mix.lambda_rules import LambdaRule
from keras_mix.layers.bounding_box_options import BoundingBoxOptions
from keras_mix.layers.sequence_options import SequenceOptions
from keras_mix.pairings import Pairing

Alpha: TypeAlias = float | tuple[float, float]
FillValue: TypeAlias = float | Literal["mean"]
SpatialDims: TypeAlias = Literal[1, 2, 3]


class OptionsButRate(TypedDict, total=False):
    """The options that all mixers share, without the one that RandomApply takes itself."""

    num_classes: int | Mapping[str, int] | None
    label_mode: Literal["auto", "pairs", "values", "union"]
    label_smoothing: float
    pairing: Literal["shuffle", "derange", "reverse", "roll"] | Pairing
    label_rule: LabelRule | None
    per: Literal["sample", "batch"]
    kinds: Mapping[str, str] | None
    passthrough: Collection[str]
    main_input: str | None
    keep_dtype: bool
    inputs_only: bool
    jit_compile: bool
    soft_masks: bool
    bounding_boxes: str | BoundingBoxOptions | None
    sequences: SequenceOptions | None
    data_format: Literal["channels_last", "channels_first"] | None
    seed: int | None
    name: str | None
    dtype: Any


class SharedOptions(OptionsButRate, total=False):
    """The options that all mixers share, as `keras_mix.layers.Mixer` describes them."""

    rate: float


class BetaOptions(SharedOptions, total=False):
    """The options of mixers that draw λ from a Beta distribution."""

    keep_major: bool
    lambda_rule: LambdaRule | None
