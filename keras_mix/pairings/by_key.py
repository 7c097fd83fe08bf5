"""ByKey."""

from typing import Literal

import keras

from keras_mix._core import checks, dtypes, leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.draw import label_kernels, random
from keras_mix.pairings._weighted import WeightedPairing, others

_PROBABILITIES = {"label": 1.0, "key": 0.0}


@keras.saving.register_keras_serializable(package="keras_mix")
class ByKey(WeightedPairing):
    """LISA: draws partners of the same label from another domain, or of another label from its own.

    So a network learns what a label has in common in all hospitals, cameras or backgrounds, not
    what it goes with in each. All partners that qualify are equally likely. A sample without one,
    such as the only one of its label, stays unmixed (unless the mixer moves its sources).

    The domain is a leaf of the batch with one value per sample: a target, or an input or target
    that the mixer returns unchanged, named by its `passthrough`. The label is read as by `ByClass`.

    Deviations from the authors' code (huaxiuyao/LISA, `subpopulation_shifts/train.py`): partners
    come from the batch, while theirs come from batches of each group; draw batches in which groups
    are balanced to do the same. Which of the two partners is sought is drawn for each sample, and
    for the whole batch, as in their code, by a mixer with `per="batch"`. Where both may be drawn, a
    sample without a partner of one kind takes one of the other.

    Args:
        key: String. Name of the leaf with the domains `(B,)` or `(B, 1)`, integers, booleans or
            strings, such as `"domain"` or `"x/domain"`.
        same: `"label"`, `"key"`, or float in [0, 1]. What a partner has in common with the sample:
            `"label"` draws the same label of another domain (intra-label LISA), `"key"` another
            label of the same domain (intra-domain LISA). A float is the probability p_sel of
            `"label"`, otherwise `"key"`. Defaults to `"label"`, which the authors use for shifts of
            domains; for subpopulations they use 0.5.
        target: String. Name of the target that holds the labels. Defaults to None: the only target
            beside the key that is not a mask or a set of boxes.

    Raises:
        ValueError: If an argument is out of range, if the batch has no such leaf or no labels, or
            if the leaf does not hold one domain per sample.

    Example:

    >>> pairing = keras_mix.pairings.ByKey("hospital", same=0.5)
    >>> mix = keras_mix.layers.MixUp(2.0, pairing=pairing, passthrough=["hospital"], num_classes=2)
    >>> x = {"scan": np.random.rand(8, 32, 32, 1).astype("float32"), "hospital": np.arange(8) % 4}
    >>> x, y = mix(x, np.arange(8) // 4)
    >>> y.shape
    TensorShape([8, 2])

    Reference:
        Yao et al., "Improving Out-of-Distribution Robustness via Selective Augmentation", ICML
        2022, arXiv:2201.00299, section 3. The authors use α = 2.
    """

    def __init__(
        self,
        key: str,
        *,
        same: Literal["label", "key"] | float = "label",
        target: str | None = None,
    ) -> None:
        self.key = checks.name("key", key)
        if key is None:
            raise ValueError("ByKey: `key` must be the name of a leaf. Received: key=None")
        if isinstance(same, str):
            checks.choice("same", same, tuple(_PROBABILITIES))
        else:
            same = checks.number("same", same, high=1.0)
        self.same = same
        self.target = checks.name("target", target)

    def draw_all(self, batch, seeds):
        label, key = self._relations(batch)
        drawn = []
        for seed in seeds:
            kind, column = random.split(seed, 2)
            chosen = random.coin(kind, self._probability, batch.draws)[:, None]
            first, second = xp.where(chosen, label, key), xp.where(chosen, key, label)
            found = xp.reduce_any(first, axis=1, keepdims=True)
            weights = xp.cast(xp.where(found, first, second), "int64")
            drawn.append(self.by_weight(batch, column, weights))
        return drawn

    def legal(self, batch):
        label, key = self._relations(batch)
        return label | key

    def weights(self, batch):
        return xp.cast(self.legal(batch), "int64")

    @property
    def _probability(self):
        """The probability that the label is what is the same."""
        return _PROBABILITIES.get(self.same, self.same)

    def _relations(self, batch):
        """bool `(B, donors)` twice: the same label of another domain, and the reverse.

        None of a kind that is never drawn.
        """
        domains, rest = self._domains(batch)
        labels = label_kernels.class_ids_of(type(self).__name__, rest, self.target)
        same_label, same_domain = (
            own[:, None] == donors[None] for own, donors in (labels, domains)
        )
        allowed = xp.ones_like(same_label) if batch.has_second_batch else others(batch)
        return (
            same_label & ~same_domain & allowed & (self._probability > 0),
            same_domain & ~same_label & allowed & (self._probability < 1),
        )

    def _domains(self, batch):
        """The domains `(B,)` and `(donors,)`, and the batch without them as a target."""
        owner = type(self).__name__
        label_kernels.refuse_no_labels(owner, batch)
        leaves = [*batch.heads, *batch.unmixed]
        found = leaf_names.position(
            owner,
            "key",
            self.key,
            [leaf.name for leaf in leaves],
            "Name the leaf with the domain of each sample; if it is an input, or no target to be "
            "mixed, name it in the `passthrough` of the mixer, too.",
        )
        heads = tuple(head for head in batch.heads if head is not leaves[found])
        name, _, *domains = leaves[found]
        if not heads and found < len(batch.heads):
            checks.refuse(owner, "the batch must have a label beside the key", f"{name} alone")
        if domains[1] is None:
            checks.reject(
                owner, name, "must be in the second batch too", "none", "Pass it with `partners`."
            )
        return [_one_each(owner, name, each) for each in domains], batch._replace(heads=heads)


def _one_each(owner, name, values):
    """One domain per sample, `(B,)`."""
    is_one = len(values.shape) == 1 or (len(values.shape) == 2 and values.shape[1] == 1)
    if not is_one or dtypes.is_floating(values):
        checks.reject(
            owner,
            name,
            "must hold one domain per sample, integers, booleans or strings (B,) or (B, 1)",
            checks.described(values),
        )
    return xp.reshape(values, [-1])
