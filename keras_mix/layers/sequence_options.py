"""SequenceOptions."""

from collections.abc import Mapping

import keras

from keras_mix._core import checks
from keras_mix._core.options import option


@keras.saving.register_keras_serializable(package="keras_mix")
class SequenceOptions(option.Value):
    """How a mixer treats sequences of token ids: the value of its `sequences`.

    Args:
        padding_id: Integer, or a dict of them by input name where inputs differ. Token id of
            padding, which does not count in mixing weights. Defaults to None: no id is padding; a
            mask or lengths in the mixer's `kinds` can mark it.
        special_tokens: Integer ≥ 0, or a pair of them. Number of valid tokens that stay unchanged
            at the start and at the end of a sequence; (1, 1) for BERT's. Tokens are then pasted
            only between the special tokens of the sample and of its partner. Defaults to None:
            none.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> sequences = keras_mix.layers.SequenceOptions(padding_id=0, special_tokens=(1, 1))
    >>> mix = keras_mix.layers.CutMix(
    ...     spatial_dims=1, kinds={"ids": "token_ids"}, sequences=sequences, num_classes=2)
    >>> x, y = mix({"ids": np.array([[9, 4, 5, 8, 0], [9, 6, 7, 7, 8]])}, np.arange(2))
    >>> x["ids"][:, 0].numpy().tolist()
    [9, 9]
    """

    def __init__(
        self,
        *,
        padding_id: int | Mapping[str, int] | None = None,
        special_tokens: int | tuple[int, int] | None = None,
    ) -> None:
        self.padding_id = checks.padding_id(padding_id)
        self.special_tokens = checks.special_tokens(special_tokens)
