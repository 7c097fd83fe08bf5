"""ModalityDropout."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.draw import random
from keras_mix._core.ops import modalities
from keras_mix._core.ops.tensors import differ, is_float, over
from keras_mix._core.options import argument_errors, idle_options, keywords
from keras_mix._core.options.config import config_of, saved
from keras_mix._core.options.layer_repr import layer_repr

RESCALES = ("expectation", "count")


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class ModalityDropout(keras.layers.Layer):
    """Drops whole modalities of each sample during training, but never all of them.

    Each modality m is dropped with probability p_m, independently, conditioned on keeping at least
    one: the law of redrawing until one is kept, sampled in one step. So a modality is actually
    dropped with probability (p_m - P) / (1 - P), where P is the product of all rates: 0.23 for two
    modalities at 0.3. A modality that a sample lacks is marked by `present`: it is always dropped,
    in evaluation too, and the last modality present is never dropped.

    A dropped modality is replaced by zeros, or by a learned token: one vector as wide as the
    modality's last axis, at each position. Values that are kept are unchanged unless rescaled.
    Keras masks pass through: an empty mask would make Keras's masked means 0 / 0. The layer runs on
    any Keras backend.

    Args:
        rate: Float in [0, 1], or a dict or list with one for each modality. Drop probabilities p_m;
            a single float applies to all modalities. Not all may be 1. Defaults to 0.3 (a choice of
            this package).
        learned_tokens: Boolean. Whether a dropped modality is replaced by a trainable vector.
            Defaults to False: zeros.
        token_initializer: Keras initializer. Initial values of the tokens. Defaults to `"zeros"`:
            training starts as it would without tokens.
        rescale: None, `"expectation"` or `"count"`. `"expectation"` divides what is kept by the
            probability that it is kept, so that the mean over draws is the modality itself.
            `"count"` multiplies what is kept by the number of modalities over the number kept, so
            that their sum keeps its scale (in evaluation too, if `present` marks some as missing).
            Refused with learned tokens. Defaults to None: no rescaling.
        return_present: Boolean. Whether the layer returns (modalities, present), where `present`
            holds booleans `(B,)` that mark what is still there, in the structure of the modalities.
            Defaults to False.
        seed: Integer. Seed of the sequence of draws. Defaults to None: random.
        **kwargs: Keras's layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Dict or list of float tensors `(B, …)`, one for each modality.
        present: Booleans `(B,)` in the same structure, False where a sample lacks the modality.
            Modalities of rate 1 are kept in samples that have no others. Defaults to None: all
            present.
        training: Boolean. Whether to drop. Defaults to False outside a model in training, as in
            Keras's `Dropout`.

    Raises:
        ValueError: If the rates always drop every modality, or do not match the modalities; if
            batch sizes differ; if a modality is not a float tensor; or for fewer than two
            modalities.

    Example:

    >>> drop = keras_mix.layers.ModalityDropout({"image": 0.2, "text": 0.4}, learned_tokens=True)
    >>> features = {"image": np.ones((8, 16), "float32"), "text": np.ones((8, 5, 32), "float32")}
    >>> features = drop(features, training=True)
    >>> tuple(features["text"].shape)
    (8, 5, 32)

    Reference:
        Neverova et al., "ModDrop: Adaptive Multi-Modal Gesture Recognition", 2015,
        arXiv:1501.00102, which drops modalities at random. Keeping at least one, the learned tokens
        and both rescalings are choices of this package.
    """

    def __init__(
        self,
        rate: float | Mapping[str, float] | Sequence[float] = 0.3,
        *,
        learned_tokens: bool = False,
        token_initializer: Any = "zeros",
        rescale: Literal["expectation", "count"] | None = None,
        return_present: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        keywords.check(type(self), kwargs)
        super().__init__(**kwargs)
        self.rate = _checked(rate)
        self.learned_tokens = checks.boolean("learned_tokens", learned_tokens)
        self.token_initializer = keras.initializers.get(token_initializer)
        usual = isinstance(self.token_initializer, keras.initializers.Zeros)
        if not (usual or self.learned_tokens):
            given = {"token_initializer": token_initializer}
            idle_options.refuse(self.owner, given, dict.fromkeys(given, "no token is learned"))
        self.rescale = rescale
        if rescale is not None:
            checks.choice("rescale", rescale, RESCALES)
        if rescale is not None and self.learned_tokens:
            raise ValueError(
                "`rescale` compensates for zeros, not for learned tokens. "
                f"Received: rescale={rescale!r} and learned_tokens=True. Leave one of them out."
            )
        self.return_present = checks.boolean("return_present", return_present)
        self.seed = checks.integer("seed", seed, optional=True)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True
        self.tokens: dict[str, Any] = {}

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    def build(self, input_shape):
        keys, shapes = modalities.split(self.owner, input_shape)
        if not all(isinstance(shape, list | tuple) for shape in shapes):
            checks.refuse(self.owner, "modalities must be a dict or a list", "one tensor")
        self._rates_of(keys)
        if self.learned_tokens:
            self.tokens = {
                str(key): self._token(key, shape) for key, shape in zip(keys, shapes, strict=True)
            }
        self.built = True

    def call(self, inputs: Any, present: Any = None, training: bool = False) -> Any:
        keys, tensors = modalities.split(self.owner, inputs)
        self._check(keys, tensors)
        there = None if present is None else self._presence(present, keys, tensors)
        if not training and there is None:
            kept = ops.ones([ops.shape(tensors[0])[0], len(keys)], "bool")
            return self._returned(inputs, keys, tensors, kept)
        rates = ops.convert_to_tensor([self._rates_of(keys)], "float32")
        rates = ops.broadcast_to(rates, [ops.shape(tensors[0])[0], len(keys)])
        if there is not None:
            rates = modalities.with_missing(rates, there)
        kept = there
        if training:
            chances = random.uniform(random.begin(self.seed_generator), ops.shape(rates))
            kept = ops.logical_not(modalities.dropped(rates, chances))
            # A sample that has nothing at all keeps nothing.
            kept = kept if there is None else ops.logical_and(kept, there)
        scale = self._scale(rates, kept, training)
        results = [
            self._filled(key, tensor, kept[:, m], None if scale is None else scale[:, m])
            for m, (key, tensor) in enumerate(zip(keys, tensors, strict=True))
        ]
        return self._returned(inputs, keys, results, kept)

    def compute_mask(self, inputs, previous_mask=None):
        if not self.return_present or previous_mask is None:
            return previous_mask
        return previous_mask, keras.tree.map_structure(lambda tensor: None, inputs)

    def marginal_rates(self):
        """The probability that each modality is actually dropped, as a dict or a list.

        It applies to samples that have all modalities.
        """
        if isinstance(self.rate, float):
            raise ValueError(
                f"{self.owner}: one rate for all leaves the number of modalities unknown. "
                f"Received: rate={self.rate}. Pass a list or a dict."
            )
        rates = _by_key(self.rate)
        product = math.prod(rates.values())
        marginal = {key: (rate - product) / (1.0 - product) for key, rate in rates.items()}
        return marginal if isinstance(self.rate, Mapping) else list(marginal.values())

    def __repr__(self):
        zeros = isinstance(self.token_initializer, keras.initializers.Zeros)
        default = self.token_initializer if zeros else "zeros"
        return layer_repr(self, token_initializer=default)

    def get_config(self):
        return {**super().get_config(), **config_of(self)}

    def _token(self, key, shape):
        width = shape[-1] if len(shape) > 1 else 1
        if width is None:
            checks.reject(
                self.owner,
                key,
                "must have a last axis of known size for a learned token",
                f"shape={tuple(shape)}",
            )
        return self.add_weight(
            name=f"token_{key}", shape=(width,), initializer=self.token_initializer
        )

    def _rates_of(self, keys):
        """The rates in the order of the keys."""
        if isinstance(self.rate, float):
            return [self.rate] * len(keys)
        rates = _by_key(self.rate)
        if rates.keys() != set(keys):
            checks.refuse(
                self.owner,
                "`rate` must have one rate for each modality, by the same keys",
                f"rate={saved(self.rate)} for the modalities {keys}",
            )
        return [rates[key] for key in keys]

    def _check(self, keys, tensors):
        modalities.check_tensors(self.owner, keys, tensors)
        for key, tensor in zip(keys, tensors, strict=True):
            if not is_float(tensor):
                checks.reject(
                    self.owner,
                    key,
                    "must hold floats, since 0 may be a valid id",
                    checks.described(tensor),
                    "Put the layer after the embedding, or cast the modality.",
                )

    def _presence(self, present, keys, tensors):
        """bool `(B, M)`, the modalities that samples have."""
        found, columns = modalities.split(self.owner, present)
        if found != keys:
            checks.refuse(
                self.owner,
                "`present` must have the structure of the modalities",
                f"the keys {found} beside {keys}",
            )
        for key, column, tensor in zip(keys, columns, tensors, strict=True):
            if len(column.shape) != 1 or differ(column.shape[0], tensor.shape[0]):
                checks.reject(
                    self.owner,
                    f"present/{key}",
                    "must be booleans (B,), one per sample",
                    f"{checks.described(column)} for {tensor.shape[0]} samples",
                )
        return ops.stack([ops.cast(column, "bool") for column in columns], axis=1)

    def _scale(self, rates, kept, training):
        """float32 `(B, M)`, the factors of kept modalities; None for 1."""
        if self.rescale == "count":
            number = ops.sum(ops.cast(kept, "float32"), axis=1, keepdims=True)
            return ops.broadcast_to(rates.shape[1] / ops.maximum(number, 1.0), ops.shape(rates))
        if self.rescale == "expectation" and training:
            product = ops.prod(rates, axis=1, keepdims=True)
            return ops.where(rates < 1, (1.0 - product) / ops.maximum(1.0 - rates, 1e-7), 1.0)
        return None

    def _filled(self, key, tensor, kept, scale):
        if scale is not None:
            tensor = tensor * ops.cast(over(scale, tensor), tensor.dtype)
        fill = ops.zeros([], tensor.dtype)
        if self.learned_tokens:
            fill = ops.cast(self.tokens[str(key)], tensor.dtype)
        return ops.where(over(kept, tensor), tensor, fill)

    def _returned(self, inputs, keys, tensors, kept):
        results = modalities.pack(inputs, keys, tensors)
        if not self.return_present:
            return results
        return results, modalities.pack(inputs, keys, [kept[:, m] for m in range(len(keys))])


def _by_key(rates):
    """Dict of rates by the keys of a dict, or the indices of a list."""
    return dict(rates) if isinstance(rates, Mapping) else dict(enumerate(rates))


def _checked(rates):
    if isinstance(rates, Mapping):
        found = {key: checks.number("rate", rate, high=1.0) for key, rate in rates.items()}
        values = list(found.values())
    elif isinstance(rates, list | tuple):
        found = values = [checks.number("rate", rate, high=1.0) for rate in rates]
    else:
        found = checks.number("rate", rates, high=1.0)
        values = [found, found]
    if len(values) < 2:
        raise ValueError(
            "`rate` must have at least two modalities, since a single one is never dropped. "
            f"Received: rate={rates!r}"
        )
    if min(values) == 1:
        raise ValueError(
            "`rate` must be below 1 for at least one modality, or all would be dropped. "
            f"Received: rate={rates!r}. Lower one of them."
        )
    return found
