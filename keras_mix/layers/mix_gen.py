"""MixGen."""

from collections.abc import Collection

import keras
from typing_extensions import Unpack

from keras_mix._core import checks, leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.leaves import text
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class MixGen(Mixer):
    """Blends the images of two image-text pairs and concatenates their texts.

    The image becomes λ x_i + (1 - λ) x_j with a fixed λ of ½, the text "text_i text_j", so the text
    still describes all that the image shows. Texts are strings, or token ids padded at the end; ids
    come out as `(B, max_length)`, padded to that length whether they were mixed or not. A sample
    that is its own partner is unchanged. Labels, if any, are blended.

    Deviations from the authors' code (amazon-research/mix-generation, `mixgen.py`): each sample is
    mixed with probability `rate`, with a partner drawn by `pairing`, while their `mixgen` mixes the
    first M samples with the next M and leaves the others unmixed. No partner has been mixed before,
    while half of those in their `mixgen_batch` have.

    Args:
        texts: List of names. Inputs that are texts, such as `["caption"]`: strings of shape `(B,)`
            or `(B, 1)`, or integers `(B, L)`. Defaults to (): only images.
        mixing_weight: Float in [0, 1]. Mixing weight λ of the sample itself. Defaults to 0.5, as in
            the authors' code.
        separator: String. Text between two strings. Defaults to a space, as in the authors' code.
        max_length: Integer ≥ 1. Length of the rows of token ids that come out; longer rows are
            truncated. Defaults to None: twice the length of the input.
        start_id: Integer. Token id that starts a row, removed from the second text. Defaults to
            None.
        end_id: Integer. Token id that ends a row, removed from the first text, and put last if the
            row is truncated. Defaults to None.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. Rows are padded with
            the `padding_id` of `sequences`, or with 0 if there is none.

    Raises:
        ValueError: If an argument is out of range, or if an input named in `texts` is missing or
            is not a text.

    Example:

    >>> pairs = {
    ...     "images": np.random.rand(4, 32, 32, 3).astype("float32"),
    ...     "caption": np.array(["a dog", "a cat", "a red car", "the sea"]),
    ... }
    >>> pairs = keras_mix.layers.MixGen(texts=["caption"], rate=0.25)(pairs)
    >>> pairs["caption"].shape
    TensorShape([4])

    Reference:
        Hao et al., "MixGen: A New Multi-Modal Data Augmentation", WACV workshops 2023,
        arXiv:2206.08358, section 3. The authors' README mixes 16 samples of a batch, a quarter of
        the 64 that ALBEF trains with (`rate=0.25`).
    """

    def __init__(
        self,
        texts: Collection[str] = (),
        *,
        mixing_weight: float = 0.5,
        separator: str = " ",
        max_length: int | None = None,
        start_id: int | None = None,
        end_id: int | None = None,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        self.texts = checks.names("texts", texts)
        super().__init__(**kwargs)
        self.mixing_weight = checks.number("mixing_weight", mixing_weight, high=1.0)
        self.separator = str(separator)
        self.max_length = checks.integer("max_length", max_length, low=1, optional=True)
        self.start_id = checks.integer("start_id", start_id, optional=True)
        self.end_id = checks.integer("end_id", end_id, optional=True)

    @property
    def stands_alone(self) -> str | None:  # type: ignore[override]
        return "a mixer of texts puts them together itself" if self.texts else None

    def without_effect(self):
        names = ("separator", "max_length", "start_id", "end_id", "sequences.padding_id")
        of_texts = {} if self.texts else dict.fromkeys(names, "no `texts` are named")
        return {**super().without_effect(), "sequences.padding_id": None, **of_texts}

    def sample(self, batch, seed):
        weights = xp.constant([[self.mixing_weight, 1.0 - self.mixing_weight]])
        return plan.blend(self.partners(batch, seed), weights)

    @property
    def leaf_kinds(self) -> dict[str, str]:
        return {**super().leaf_kinds, **dict.fromkeys(self.texts, "texts")}

    def dtype_of_shape(self, name, kind, shape):
        if name in self.texts or leaf_names.key(name) in self.texts:
            return "string" if len(shape) == 1 or shape[1] == 1 else "int32"
        return super().dtype_of_shape(name, kind, shape)

    def check(self, leaves):
        text.refuse_unknown(self.owner, self.texts, leaves)
