"""Seeded, deterministic and resumable mixing of tf.data datasets."""

import tensorflow as tf

from keras_mix import checks, paired, streams

pair_by_label = paired.pair_by_label


def mix(
    dataset,
    layer,
    seed=0,
    num_parallel_calls=tf.data.AUTOTUNE,
    partners=None,
    partner_labels=None,
):
    """Mixes the batches of a dataset, the same way in every run and anew in every epoch.

    Every batch gets a seed of its own from a seeded stream that runs beside the dataset. So two
    runs are equal bit for bit whatever `num_parallel_calls`; each epoch (each new iterator of the
    returned dataset) draws other numbers; and a `tf.train.Checkpoint` of an iterator resumes it in
    mid-epoch with the batches that were due. All of it holds if `dataset` itself is
    deterministic: give its own `shuffle` a seed, too, which unlike this one counts together with
    that of `tf.random.set_seed`.

    Args:
        dataset: A batched `tf.data.Dataset` of what `layer` takes: x, (x, y),
            (x, y, sample_weight) or Keras's dict.
        layer: A mixer of `keras_mix.layers`.
        seed: An integer. Defaults to 0.
        num_parallel_calls: As in `Dataset.map`. Defaults to `tf.data.AUTOTUNE`.
        partners: A second batched dataset of the same structure that all partners come from; it
            repeats as long as the first lasts. Or "paired", where `dataset` holds pairs of a batch
            and its partners, as `pair_by_label` gives them, and `layer` takes these in order.
            Defaults to None: partners come from the batch.
        partner_labels: What the labels of a second dataset of inputs alone are. "kept": the
            mixture keeps the first's labels, as if mixed with noise. A callable: it maps a batch
            of inputs to labels, a teacher's say. Defaults to None: the second dataset has labels.

    Returns:
        A dataset with the structure of the first, with static shapes kept.

    Raises:
        ValueError: If the dataset is not batched, if the seed is no integer, if the second
            dataset's structure differs, or if pairs would be paired anew.

    Example:

    >>> images, labels = np.zeros((256, 32, 32, 3), "uint8"), np.arange(256) % 10
    >>> dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(256, seed=1)
    >>> cutmix = keras_mix.layers.CutMix(num_classes=10)
    >>> dataset = keras_mix.data.mix(dataset.batch(64), cutmix, seed=1)
    """
    checks.instance("data.mix", "layer", layer)
    seed = checks.integer("seed", seed)
    _refuse_unbatched(dataset.element_spec)
    beside = [dataset, streams.seeds(seed)]
    in_pairs = isinstance(partners, str) and partners == "paired"
    if in_pairs:
        paired.refuse_unpaired(dataset.element_spec, layer)
    elif partners is not None:
        beside.append(_labelled(partners, partner_labels, dataset.element_spec).repeat())
    # Unconverted, so that refusals reach users without a traceback of converted code.
    mixing = tf.autograph.experimental.do_not_convert(_Mixing(layer, in_pairs))
    parallel = {} if num_parallel_calls is None else {"deterministic": True}
    result = tf.data.Dataset.zip(*beside).map(
        mixing, num_parallel_calls=num_parallel_calls, **parallel
    )
    return result.with_options(streams.resumable())


def mixed(layer, **options):
    """`mix` in the form that `dataset.apply` takes: `dataset.apply(mixed(layer, seed=1))`.

    Args:
        layer: A mixer of `keras_mix.layers`.
        **options: The other arguments of `mix`.
    """
    return _Mixed(layer, options)


class _Mixed:
    def __init__(self, layer, options):
        self.layer = layer
        self.options = options

    def __call__(self, dataset):
        return mix(dataset, self.layer, **self.options)


class _Mixing:
    """The map function: one batch, its seed, and a batch of partners if there is one."""

    def __init__(self, layer, in_pairs):
        self.layer = layer
        self.in_pairs = in_pairs

    def __call__(self, element, seed, partners=None):
        seed = tf.cast(seed, tf.int32)
        if self.in_pairs:
            element, partners = element
        return self.layer(element, seed=seed, partners=partners, training=True)


def _refuse_unbatched(spec):
    """A sample's label is a scalar, a batch's never."""
    for leaf in tf.nest.flatten(spec):
        rank = getattr(getattr(leaf, "shape", None), "rank", None)
        if rank == 0:
            raise ValueError(
                "The dataset must be batched before it is mixed. "
                f"Received: element_spec={spec}. Call `dataset.batch(…)` first."
            )


def _labelled(partners, labels, spec):
    """The second dataset, in the form that a mixer takes partners in."""
    _refuse_unbatched(partners.element_spec)
    has_labels = isinstance(spec, tuple) and len(spec) > 1
    alone = not isinstance(partners.element_spec, dict | tuple)
    if labels is None:
        if has_labels and alone:
            raise ValueError(
                "The second dataset must have the structure of the first, (x, y). "
                f"Received: element_spec={partners.element_spec}. Say what its labels are: "
                'partner_labels="kept", or a callable from inputs to labels.'
            )
        return partners
    if callable(labels):
        return partners.map(_Labelling(labels))
    if labels != "kept":
        raise ValueError(
            '`partner_labels` must be None, "kept" or a callable. '
            f"Received: partner_labels={labels!r}"
        )
    return partners


class _Labelling:
    def __init__(self, labels):
        self.labels = labels

    def __call__(self, x):
        return x, self.labels(x)
