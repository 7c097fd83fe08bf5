"""A labeled and an unlabeled dataset as one, for semi-supervised training."""

import tensorflow as tf

from keras_mix._core import checks

_OWNER = "data.pair_with_unlabeled"


def pair_with_unlabeled(
    labeled: tf.data.Dataset,
    unlabeled: tf.data.Dataset,
) -> tf.data.Dataset:
    """Pairs the batches of a labeled dataset with those of an unlabeled one.

    An epoch is one pass over the longer dataset, in batches; the shorter repeats, each time as a
    new iterator of its own, so that it is shuffled anew if it shuffles. A dataset that repeats
    without end lasts as long as the other. Where a length is unknown otherwise, the unlabeled
    dataset sets the epoch. Nothing is drawn here: the result is as deterministic as the two
    datasets.

    The batches may differ in size. The few samples of a labeled dataset give full batches by
    `dataset.shuffle(…).repeat().batch(…)`. Inputs of the two are not compared: leave test samples
    out of the unlabeled ones.

    Args:
        labeled: Batched `tf.data.Dataset` of (x, y) or (x, y, sample_weight).
        unlabeled: Batched `tf.data.Dataset` of x, or of (x,).

    Returns:
        A `tf.data.Dataset` of ({"labeled": x, "unlabeled": u}, y), with the sample weights if there
        are any, which `fit` of `keras_mix.models.MixMatch`, `InterpolationConsistency` and
        `CutMixConsistency` or `ClassMixConsistency` takes.

    Raises:
        ValueError: If one is no batched dataset, or is empty; if the first has no labels or the
            second has some; or if their inputs differ in structure, dtype or shape.

    Example:

    >>> images, ids = np.zeros((100, 8, 8, 1), "float32"), np.arange(10)
    >>> few = tf.data.Dataset.from_tensor_slices((images[:10], ids)).shuffle(10).batch(5)
    >>> many = tf.data.Dataset.from_tensor_slices(images[10:]).shuffle(90).batch(15)
    >>> pairs = keras_mix.data.pair_with_unlabeled(few, many)
    >>> len(pairs)
    6
    """
    for name, dataset in (("labeled", labeled), ("unlabeled", unlabeled)):
        _check_dataset(name, dataset)
    spec, second = labeled.element_spec, unlabeled.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        checks.refuse(
            _OWNER,
            "`labeled` must yield (x, y) or (x, y, sample_weight)",
            f"element_spec={spec}",
        )
    if isinstance(second, tuple) and len(second) > 1:
        checks.refuse(
            _OWNER,
            "`unlabeled` must have no labels, which would not be used",
            f"element_spec={second}",
            "Drop them: unlabeled.map(lambda x, y: x). Several inputs are one tuple in a tuple of "
            "one, (x,).",
        )
    bare = isinstance(second, tuple)
    _check_alike(spec[0], second[0] if bare else second)
    first, other = _of_equal_length(labeled, unlabeled)
    # Unconverted, since autograph cannot read the source of functions everywhere.
    pair = tf.autograph.experimental.do_not_convert(_paired)
    return tf.data.Dataset.zip(first, other.map(_bare) if bare else other).map(pair)


def _bare(x):
    return x


def _paired(batch, u):
    x, *labels = batch
    return ({"labeled": x, "unlabeled": u}, *labels)


def _check_dataset(name, dataset):
    if not isinstance(dataset, tf.data.Dataset):
        checks.refuse(
            _OWNER,
            f"`{name}` must be a tf.data.Dataset",
            f"a {type(dataset).__name__}",
            "Make one from arrays: tf.data.Dataset.from_tensor_slices(…).batch(…).",
        )
    if dataset.cardinality() == 0:
        checks.refuse(_OWNER, f"`{name}` must have at least one batch", "an empty dataset")
    for leaf in tf.nest.flatten(dataset.element_spec):
        if getattr(getattr(leaf, "shape", None), "rank", None) == 0:
            checks.refuse(
                _OWNER,
                f"`{name}` must be batched",
                f"element_spec={dataset.element_spec}",
                "Call `dataset.batch(…)` first.",
            )


def _check_alike(x, u):
    """Refuses inputs that differ in more than the number of samples."""
    alike = True
    try:
        tf.nest.assert_same_structure(x, u)
    except (TypeError, ValueError):
        alike = False
    pairs = zip(tf.nest.flatten(x), tf.nest.flatten(u), strict=True) if alike else ()
    if not alike or not all(
        one.dtype == other.dtype and one.shape[1:].is_compatible_with(other.shape[1:])
        for one, other in pairs
    ):
        checks.refuse(
            _OWNER,
            "inputs of `labeled` and `unlabeled` must have the same structure, dtype and shape",
            f"x={x} and u={u}",
        )


def _of_equal_length(labeled, unlabeled):
    """Both datasets, of which the shorter repeats."""
    length, other = int(labeled.cardinality()), int(unlabeled.cardinality())
    if other == tf.data.INFINITE_CARDINALITY:
        return labeled, unlabeled
    # Endless and unknown lengths are below 0.
    if 0 <= other < length:
        return labeled, unlabeled.repeat()
    return labeled.repeat(), unlabeled
