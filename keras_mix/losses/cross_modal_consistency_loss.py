"""CrossModalConsistencyLoss: the agreement of two modalities of mixed samples."""

from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import embedding_pairs
from keras_mix._core.ops.tensors import differ, is_column
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import config_of

KINDS = ("cosine", "jensen_shannon", "info_nce")
MIXED = ("both", "first", "second")
_TEMPERATURES = {"cosine": 1.0, "jensen_shannon": 1.0, "info_nce": 0.07}


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class CrossModalConsistencyLoss(keras.losses.Loss):
    """Penalizes disagreement between the two modalities of each sample, mixed or not.

    Three kinds, each a loss `(B,)` before the reduction:

    - `"cosine"`: 1 - cos(first_i, second_i), of embeddings.
    - `"jensen_shannon"`: the Jensen-Shannon divergence of two predictions over K classes, in nats,
      at most ln 2.
    - `"info_nce"`: the cross-entropy of soft targets with the softmax of cos(first_i, second_j) / τ
      over all j of the batch, and the same over all i; the mean of both directions.

    The targets of `"info_nce"` follow the plan. Let A[i, k] be the weight of source k in the first
    modality of sample i, and B[j, k] its weight in the second modality of sample j. The target is
    A Bᵀ, with each row divided by its sum; for the other direction it is the transpose, normalized
    in the same way. If only the images are mixed, image_i = λ image_i + (1 - λ) image_j matches
    text_i with a target of λ and text_j with 1 - λ. If both modalities are mixed by one plan,
    image_i also matches other samples with the same sources. The smallest loss of soft targets is
    their entropy, not 0. A row without matches has a loss of 0.

    The first two kinds ignore `y_true`: they compare the two modalities of each sample, which is
    right if both are mixed by one plan. Under a distribution strategy, samples are matched within
    each replica's batch.

    Args:
        kind: `"cosine"`, `"jensen_shannon"` or `"info_nce"`. The loss. Defaults to `"info_nce"`.
        temperature: Float > 0. The τ that divides the similarities of `"info_nce"` and, if
            `from_logits=True`, the logits of `"jensen_shannon"`. Defaults to None: 0.07 for
            `"info_nce"`, the initial value of CLIP's learned temperature, and 1 for
            `"jensen_shannon"`.
        mixed: `"both"`, `"first"` or `"second"`. The modalities that the plan has mixed. Defaults
            to `"both"`.
        from_logits: Boolean. Whether `"jensen_shannon"` takes logits instead of probabilities.
            Defaults to False.
        name: String. Name of the loss. Defaults to `"cross_modal_consistency"`.
        **kwargs: `reduction` and `dtype`, as for any Keras loss.

    Call arguments:
        y_true: Tensor that says which samples match. Packed, `(B, 2, S)`: the sources of a plan,
            then their weights (`keras.ops.stack([sources, weights], axis=1)`); or packed labels, so
            that samples of one class match too. Plain, `(B,)` or `(B, 1)`: a source or a class id
            for each sample; samples with equal ones match. A matrix `(B, B)`: the targets
            themselves. None: each sample matches only itself.
        y_pred: Both modalities in one tensor `(B, 2, D)`, which a compiled model can return as
            `keras.ops.stack([first, second], axis=1)`; or a pair of tensors `(B, D)`.
        sample_weight: Floats `(B,)`. The weight of each sample's loss. Defaults to None.

    Raises:
        ValueError: If the embeddings differ in width or batch size, or an argument is invalid.

    Example:

    >>> loss = keras_mix.losses.CrossModalConsistencyLoss("info_nce", mixed="first")
    >>> image, text = np.random.rand(2, 4, 16).astype("float32")
    >>> sources, weights = [[0, 1], [1, 2], [2, 3], [3, 0]], [[0.7, 0.3]] * 4
    >>> value = loss(np.stack([sources, weights], axis=1), (image, text))
    >>> bool(value > 0)
    True

    Reference:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        ICML 2021, arXiv:2103.00020: both directions, and the temperature (openai/CLIP,
        `clip/model.py`). Lin, "Divergence Measures Based on the Shannon Entropy", 1991. The soft
        targets are the mixing weights, as in mixup's labels; for two mixed modalities they are a
        choice of this package.
    """

    def __init__(
        self,
        kind: Literal["cosine", "jensen_shannon", "info_nce"] = "info_nce",
        *,
        temperature: float | None = None,
        mixed: Literal["both", "first", "second"] = "both",
        from_logits: bool = False,
        name: str = "cross_modal_consistency",
        **kwargs: Any,
    ) -> None:
        keywords.check_of_loss(type(self), kwargs)
        super().__init__(name=name, **kwargs)
        self.kind = checks.choice("kind", kind, KINDS)
        self.temperature = temperature
        if temperature is not None:
            self.temperature = checks.positive("temperature", temperature)
        self.mixed = checks.choice("mixed", mixed, MIXED)
        self.from_logits = checks.boolean("from_logits", from_logits)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        first, _ = embedding_pairs.pair(self.name, "y_pred", y_pred)
        if y_true is None:
            y_true = ops.arange(ops.shape(first)[0])
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        first, second = embedding_pairs.pair(self.name, "y_pred", y_pred)
        temperature = self.temperature or _TEMPERATURES[self.kind]
        if self.kind == "cosine":
            return 1.0 - ops.sum(
                embedding_pairs.unit(first) * embedding_pairs.unit(second), axis=-1
            )
        if self.kind == "jensen_shannon":
            scale = temperature if self.from_logits else None
            return _jensen_shannon(
                _log_probabilities(first, scale), _log_probabilities(second, scale)
            )
        self._check_targets(y_true, first)
        logits = (
            ops.matmul(embedding_pairs.unit(first), ops.transpose(embedding_pairs.unit(second)))
            / temperature
        )
        common = self._common(y_true)
        forth = _soft_cross_entropy(common, logits)
        back = _soft_cross_entropy(ops.transpose(common), ops.transpose(logits))
        return 0.5 * (forth + back)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype, **config_of(self)}

    def _check_targets(self, y_true, first):
        shape = tuple(y_true.shape)
        packed = len(shape) == 3 and shape[1] == 2
        matrix = len(shape) == 2 and not differ(shape[1], first.shape[0])
        known = packed or matrix or is_column(shape)
        if not known or differ(shape[0], first.shape[0]):
            checks.reject(
                self.name,
                "y_true",
                "must be packed (B, 2, S), ids (B,) or (B, 1), or targets (B, B), for B pairs",
                f"{checks.described(y_true)} for {first.shape[0]} pairs",
            )

    def _common(self, y_true):
        """`(B, B)`, the product A Bᵀ of the weights of sources in the two modalities."""
        if len(y_true.shape) == 2 and y_true.shape[1] != 1:
            return y_true
        if len(y_true.shape) == 3:
            ids, weights = y_true[:, 0], y_true[:, 1]
        else:
            ids = ops.reshape(y_true, [-1, 1])
            weights = ops.ones_like(ids)
        # An unmixed modality consists of source 0 alone.
        rows = 1 if self.mixed == "second" else ids.shape[1]
        columns = 1 if self.mixed == "first" else ids.shape[1]
        common = 0.0
        for s in range(rows):
            for t in range(columns):
                same = ops.cast(ids[:, s][:, None] == ids[:, t][None], weights.dtype)
                own = 1.0 if rows == 1 else weights[:, s][:, None]
                other = 1.0 if columns == 1 else weights[:, t][None]
                common = common + same * own * other
        return common


def _log_probabilities(prediction, temperature):
    """log p, of logits if `temperature` is not None, else of probabilities scaled to sum to 1."""
    if temperature is not None:
        return ops.log_softmax(prediction / temperature, axis=-1)
    total = ops.sum(prediction, axis=-1, keepdims=True)
    return ops.log(ops.maximum(prediction / total, keras.config.epsilon()))


def _jensen_shannon(first, second):
    """The Jensen-Shannon divergence `(B,)` of two distributions, given log p `(B, K)`."""
    mean = ops.logaddexp(first, second) - ops.log(ops.convert_to_tensor(2.0, first.dtype))
    divergences = ops.exp(first) * (first - mean) + ops.exp(second) * (second - mean)
    return 0.5 * ops.sum(divergences, axis=-1)


def _soft_cross_entropy(common, logits):
    """`(B,)`, with targets scaled to sum to 1; 0 for a row without targets."""
    total = ops.sum(common, axis=-1, keepdims=True)
    targets = common / ops.where(total > 0, total, 1.0)
    return -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)
