"""MixUp with the settings of Balanced-MixUp."""

from typing import Any

from keras_mix.layers.mixup import MixUp
from keras_mix.pairings.by_class import ByClass
from keras_mix.recipes import _arguments


def balanced_mixup(alpha: float = 0.2, **options: Any) -> MixUp:
    """Balanced-MixUp, for classes of very unequal size: a little of a class-balanced partner.

    Each sample, drawn as the dataset has it, is blended with a partner whose class is drawn
    uniformly. The partner's weight is one draw of Beta(α, 1) for the batch: mean α / (1 + α), so
    that rare classes are seen more often without being learned by heart.

    Deviation from the authors' code: partners come from the batch, drawn by
    `keras_mix.pairings.ByClass("rare")`, while theirs come from a second loader that samples the
    whole training set by class. To do the same, pass a balanced dataset as the `partners` of
    `keras_mix.data.mix`, and `pairing="shuffle"` here.

    Args:
        alpha: Float > 0. Concentration α of the partner's weight, Beta(α, 1). Defaults to 0.2; the
            authors' scripts run 0.1, 0.2 and 0.3.
        **options: The other arguments of `keras_mix.layers.MixUp`.

    Returns:
        A `keras_mix.layers.MixUp`.

    Example:

    >>> x, ids = np.random.rand(100, 5).astype("float32"), np.arange(100) // 90
    >>> samples = tf.data.Dataset.from_tensor_slices((x, ids)).shuffle(100)
    >>> classes = [samples.filter(lambda x, y, k=k: y == k).repeat() for k in range(2)]
    >>> balanced = tf.data.Dataset.sample_from_datasets(classes)
    >>> mix = keras_mix.recipes.balanced_mixup(pairing="shuffle", num_classes=2)
    >>> dataset = keras_mix.data.mix(samples.batch(20), mix, partners=balanced.batch(20), seed=1)

    Reference:
        Galdran et al., "Balanced-MixUp for Highly Imbalanced Medical Image Classification", MICCAI
        2021, arXiv:2109.09850; `train_lt_mxp.py` of the authors' code, agaldran/balanced_mixup.
    """
    _arguments.check("balanced_mixup", MixUp, options)
    own = {"alpha": (1.0, alpha), "per": "batch", "pairing": ByClass("rare")}
    return MixUp(**{**own, **options})
