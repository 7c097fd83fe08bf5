"""CrossModalConsistencyLoss: two views of a sample shall agree, those of a mixed one by shares."""

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import embedding_pairs

KINDS = ("cosine", "jensen_shannon", "info_nce")
MIXED = ("both", "first", "second")
_TEMPERATURES = {"cosine": 1.0, "jensen_shannon": 1.0, "info_nce": 0.07}


@keras.saving.register_keras_serializable(package="keras_mix")
class CrossModalConsistencyLoss(keras.losses.Loss):
    """Asks the two modalities of a sample, mixed or not, to agree.

    Three kinds, each a loss [B] before its reduction:

    - "cosine": 1 - cos(first_i, second_i), of embeddings.
    - "jensen_shannon": the divergence of two predictions over K classes, in nats, at most ln 2.
    - "info_nce": the cross-entropy of soft targets with the softmax of cos(first_i, second_j) / τ
      over all j of the batch, and the same over all i: the mean of both directions.

    The targets of "info_nce" follow the plan. Let A[i, k] be the share of source k in the first
    modality of sample i, and B[j, k] that in the second of sample j. The target is A Bᵀ, the
    share that both have in common, each row divided by its sum; Aᵀ for the other direction. Where
    only one modality is mixed, that is the sources with their weights: image_i, which is λ of
    sample i and 1 - λ of sample j, matches text_i by λ and text_j by 1 - λ. Where both are mixed
    by one plan, image_i also matches what else holds its sources. With targets that are soft the
    smallest loss is their entropy, not 0. What no other holds adds nothing.

    The first two kinds do not look at `y_true`: they compare what stands beside each other, which
    is right where both modalities are mixed by one plan. The batch is that of one replica.

    Args:
        kind: "cosine", "jensen_shannon" or "info_nce". Defaults to "info_nce".
        temperature: τ > 0: divides the similarities of "info_nce", and with `from_logits` the
            logits of "jensen_shannon". Defaults to None: 0.07, with which CLIP starts to learn
            its own, and 1.
        mixed: Which modalities the plan has mixed: "both", "first" or "second". Defaults to
            "both".
        from_logits: Whether "jensen_shannon" is given logits, not probabilities. Defaults to
            False.
        name: Defaults to "cross_modal_consistency".
        **kwargs: `reduction` and `dtype`, as in any Keras loss.

    Call arguments:
        y_true: What each sample is made of. Packed, [B, 2, S]: a plan's sources, then its weights
            (`keras.ops.stack([sources, weights], axis=1)`); or packed labels, by which samples of
            one class match, too. Plain, [B] or [B, 1]: one source each, or class ids; those that
            are equal match. Or the matrix of targets itself, [B, B]. None: each matches itself.
        y_pred: Both modalities in one tensor [B, 2, D], which a compiled model gives out by
            `keras.ops.stack([first, second], axis=1)`; or a pair of tensors [B, D].
        sample_weight: [B].

    Raises:
        ValueError: If the embeddings differ in width or batch; if an argument is not as it says.

    Example:

    >>> loss = keras_mix.losses.CrossModalConsistencyLoss("info_nce", mixed="first")
    >>> image, text = np.random.rand(2, 4, 16).astype("float32")
    >>> sources, weights = [[0, 1], [1, 2], [2, 3], [3, 0]], [[0.7, 0.3]] * 4
    >>> value = loss(np.stack([sources, weights], axis=1), (image, text))
    >>> bool(value > 0)
    True

    Reference:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        ICML 2021, arXiv:2103.00020, section 2 (both directions, the temperature; from memory).
        Lin, "Divergence Measures Based on the Shannon Entropy", 1991. The soft targets are the
        sources' weights, carried over from mixup's labels; for two mixed modalities they are a
        choice made here.
    """

    def __init__(
        self,
        kind="info_nce",
        *,
        temperature=None,
        mixed="both",
        from_logits=False,
        name="cross_modal_consistency",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.kind = checks.choice("kind", kind, KINDS)
        self.temperature = temperature
        if temperature is not None:
            self.temperature = checks.positive("temperature", temperature)
        self.mixed = checks.choice("mixed", mixed, MIXED)
        self.from_logits = bool(from_logits)

    def __call__(self, y_true, y_pred, sample_weight=None):
        first, _ = embedding_pairs.pair(self.name, "y_pred", y_pred)
        if y_true is None:
            y_true = ops.arange(ops.shape(first)[0])
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
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
        return {
            **super().get_config(),
            "kind": self.kind,
            "temperature": self.temperature,
            "mixed": self.mixed,
            "from_logits": self.from_logits,
        }

    def _check_targets(self, y_true, first):
        shape = tuple(y_true.shape)
        packed = len(shape) == 3 and shape[1] == 2
        matrix = len(shape) == 2 and not embedding_pairs.differ(shape[1], first.shape[0])
        known = packed or matrix or len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
        if not known or embedding_pairs.differ(shape[0], first.shape[0]):
            checks.reject(
                self.name,
                "y_true",
                "must be packed [B, 2, S], ids [B] or [B, 1], or targets [B, B], for B pairs",
                f"{checks.described(y_true)} for {first.shape[0]} pairs",
            )

    def _common(self, y_true):
        """[B, B], the share that the first modality of i has in common with the second of j."""
        if len(y_true.shape) == 2 and y_true.shape[1] != 1:
            return y_true
        if len(y_true.shape) == 3:
            ids, weights = y_true[:, 0], y_true[:, 1]
        else:
            ids = ops.reshape(y_true, [-1, 1])
            weights = ops.ones_like(ids)
        # Column 0 is what an unmixed sample is, all of it.
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
    """log p; of logits if there is a temperature. Probabilities are made to sum to 1."""
    if temperature is not None:
        return ops.log_softmax(prediction / temperature, axis=-1)
    total = ops.sum(prediction, axis=-1, keepdims=True)
    return ops.log(ops.maximum(prediction / total, keras.config.epsilon()))


def _jensen_shannon(first, second):
    """The mean divergence of two distributions from their middle, of logarithms [B, K]."""
    middle = ops.logaddexp(first, second) - ops.log(ops.convert_to_tensor(2.0, first.dtype))
    divergences = ops.exp(first) * (first - middle) + ops.exp(second) * (second - middle)
    return 0.5 * ops.sum(divergences, axis=-1)


def _soft_cross_entropy(common, logits):
    """[B], of targets that are made to sum to 1; 0 where there is nothing in common."""
    total = ops.sum(common, axis=-1, keepdims=True)
    targets = common / ops.where(total > 0, total, 1.0)
    return -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)
