"""Seeded, deterministic and resumable mixing of tf.data datasets."""

import functools
from collections.abc import Callable
from typing import Any, Literal

import keras
import tensorflow as tf

from keras_mix import layers
from keras_mix._core import checks, spelling
from keras_mix._core.options import argument_errors
from keras_mix.callbacks import MixSchedule
from keras_mix.data import _checkpoints, _clean_and_mixed, _recursion, _seed_stream
from keras_mix.data._course import Course
from keras_mix.data._pair_by_label import refuse_unpaired
from keras_mix.layers._mixer import shared_options


def mix(
    dataset: tf.data.Dataset,
    layer: Any,
    *,
    seed: int | None = None,
    num_parallel_calls: int | None = tf.data.AUTOTUNE,
    partners: tf.data.Dataset | Literal["paired"] | None = None,
    partner_labels: Callable[[Any], Any] | Literal["kept"] | None = None,
    keep_clean: bool = False,
    resumable: bool = False,
    schedule: MixSchedule | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
) -> tf.data.Dataset:
    """Mixes the batches of a dataset, with different draws in every epoch.

    Each batch gets its own seed from a stream that runs beside the dataset: the i-th batch of an
    epoch gets the i-th seed. Mixing this way costs no more than `dataset.map(layer)`. With a
    `seed`, and if `dataset` itself is deterministic:

    - Two runs are bit-identical, whatever `num_parallel_calls`. The draws depend on `seed` alone;
      `Dataset.shuffle` also uses `tf.random.set_seed`.
    - Each epoch (each new iterator of the returned dataset) draws different numbers.
    - A `tf.train.Checkpoint` of an iterator resumes any epoch in the middle, with the batches that
      were due, even if batches were prefetched. If `dataset` shuffles, caches, interleaves or
      filters, see `resumable`.

    With a `schedule`, the rate, α or the probabilities of mixers change from epoch to epoch, or
    from step to step, and nothing is traced again. The draws of a batch then depend on `seed`, its
    epoch and its step alone, so that a pipeline that is built again goes on in any epoch with the
    draws that were due. The pipeline must know which epoch a batch belongs to, and Keras makes
    iterators that it does not read, so `fit` tells it: pass the same schedule as a callback. A
    training loop of your own calls `schedule.on_epoch_begin(epoch)`. Batches beyond the first are
    refused until an epoch is known. There are two ways to train:

    - `fit(dataset, epochs=…)`: each epoch has an iterator of its own, which keeps the epoch in
      which it began.
    - `fit(dataset, epochs=…, steps_per_epoch=…)`: pass `steps_per_epoch` here, too. One iterator
      goes on through all epochs, so `dataset` is repeated without end, and the number of a batch
      says which epoch and step it belongs to. Do not repeat the dataset that `mix` returns.

    A checkpoint holds the epoch, so it resumes in mid-epoch around every change.

    Sharding: automatic sharding (by `tf.distribute`, or static sharding by tf.data service) is by
    data, since TensorFlow cannot shard files beside a stream of seeds. The policies `AUTO` and
    `FILE_OR_DATA` then shard by data; TensorFlow refuses `FILE`. To shard by file, call
    `dataset.shard` on the file names first.

    tf.data service: if `dataset.apply(distribute(…))` precedes `mix`, the trainer mixes, and all of
    the above holds. If `mix` precedes `distribute`, each worker runs a copy of the pipeline, a new
    one for each iterator of the trainer:

    - Without a seed, each worker draws different numbers in each epoch.
    - With a seed, the draws depend on the index of the batch and on the epoch that the copy counts.
      Static sharding by data gives the same set of batches in two runs. Without sharding, all
      workers give the same batches. Under dynamic sharding each worker counts its own batches from
      0: workers use the same seeds for different batches, and runs differ with the splits. For
      epochs that differ, call `mix(…).repeat(epochs)` before `distribute`, or omit the seed.
    - Batches of bytes travel several times as fast as floats, so workers should paste, or blend
      with `keep_dtype=True` (docs/pages/guides/distributed.md has figures).
    - A schedule cannot tell the workers an epoch: call `mix` after `distribute`.
    - TensorFlow cannot checkpoint iterators of the service, and `Dataset.snapshot` stores no
      position. `Dataset.save` and `Dataset.load` keep the order.

    Args:
        dataset: Batched `tf.data.Dataset` of x, (x, y), (x, y, sample_weight) or Keras's dict, as
            accepted by `layer`.
        layer: Mixer of `keras_mix.layers`. The mixer to apply to each batch.
        seed: Integer of 64 bits. Determines all draws. Defaults to None: a seed from Python's
            `random`, which `keras.utils.set_random_seed` seeds; workers of tf.data service draw
            their own.
        num_parallel_calls: Integer ≥ 1, `tf.data.AUTOTUNE` or None. Number of batches mixed in
            parallel, as in `Dataset.map`. Defaults to `tf.data.AUTOTUNE`.
        partners: Batched `tf.data.Dataset` of the same structure, or `"paired"`. A dataset supplies
            all partners and repeats as long as the first lasts. `"paired"` means that `dataset`
            yields pairs of a batch and its partners, as `pair_by_label` does, and that `layer`
            takes them in order. Defaults to None: partners come from the batch.
        partner_labels: `"kept"`, or a callable. Labels for a second dataset that has only inputs.
            `"kept"` keeps the labels of the first, as suits mixing with noise; a callable, such as
            a teacher model, maps a batch of inputs to labels. Refused without a second dataset, or
            if it has labels. Defaults to None: the second dataset has labels.
        keep_clean: Boolean. Whether batches hold 2B samples: the B samples as they came, in the
            form of mixed ones, followed by their mixed versions in the same order. Defaults to
            False: mixed samples alone.
        resumable: Boolean. Whether checkpoints resume every epoch exactly, whatever `dataset` and
            `partners` consist of. They are then symbolic
            (`tf.data.Options.experimental_symbolic_checkpoint`) for the whole pipeline, and a
            shuffle pays for its buffer at each element: an epoch of small images takes 2 times as
            long with a buffer of 1,000 samples and 20 times with 50,000. A cache of samples slows
            down likewise. Defaults to False: checkpoints are exact only where that is free, for
            slices, ranges and records that are mapped, batched, zipped, repeated and so on.
            Otherwise a checkpoint resumes the current epoch, but orders and draws of later epochs
            start over if the current one had already been read to its end, for example by a
            prefetch. With either value, TensorFlow 2.21 loses the next order of a shuffle at the
            exact end of an epoch.
        schedule: `keras_mix.callbacks.MixSchedule`. Sets the rate, α or the probabilities of a
            `RandomChoice` in place of the layer's own; the rate that a warm-up leads to is the
            layer's. Values are computed when `mix` is called, those of each different α in a few
            hundredths of a second; at most 1,024 of them. Defaults to None: all epochs are alike.
        epochs: Integer ≥ 1. Number of epochs of the schedule, as `fit` has it; a schedule needs it.
            Defaults to None: no schedule.
        steps_per_epoch: Integer ≥ 1. Number of batches in an epoch where one iterator goes on
            through all epochs, as `fit` has it. Defaults to None: each epoch has an iterator of its
            own, which ends; a schedule by step then needs a dataset that knows its length.

    Returns:
        A `tf.data.Dataset` with the structure and the static shapes of `dataset`, twice as large
        along the first axis with `keep_clean=True`.

    Raises:
        ValueError: If the dataset is not batched; if an argument has the wrong type, such as a
            class instead of a layer; if the structure of the second dataset differs; if pairs
            would be paired again; or if a schedule sets what the layer does not have, or lacks the
            length of training.

    Example:

    >>> images, labels = np.zeros((256, 32, 32, 3), "uint8"), np.arange(256) % 10
    >>> dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(256, seed=1)
    >>> cutmix = keras_mix.layers.CutMix(num_classes=10)
    >>> train = keras_mix.data.mix(dataset.batch(64), cutmix, seed=1)

    Unmixed in the last 2 of 10 epochs, with `model.fit(train, epochs=10, callbacks=[schedule])`:

    >>> schedule = keras_mix.callbacks.MixSchedule(unmixed_epochs=2)
    >>> train = keras_mix.data.mix(
    ...     dataset.batch(64), cutmix, seed=1, schedule=schedule, epochs=10
    ... )
    """
    _check_dataset("dataset", dataset)
    _check_layer(layer)
    with argument_errors.of("data.mix"):
        seed = _seed_stream.checked(seed)
        num_parallel_calls = _parallel(num_parallel_calls)
        keep_clean = checks.boolean("keep_clean", keep_clean)
        resumable = checks.boolean("resumable", resumable)
    _refuse_unbatched(dataset.element_spec)
    mix_batch: Callable[..., Any]
    if schedule is None:
        _refuse_lengths(epochs=epochs, steps_per_epoch=steps_per_epoch)
        times, mix_batch = _seed_stream.seeds(seed), functools.partial(_mixed_by_seed, layer)
    else:
        course = Course(schedule, layer, dataset, epochs, steps_per_epoch, seed)
        times, mix_batch, dataset = course.times(), course.mix, course.dataset
    # They come first, so that no file is sharded before TensorFlow finds that it cannot be.
    beside = [times, dataset]
    in_pairs = isinstance(partners, str) and partners == "paired"
    if partner_labels is not None and (partners is None or in_pairs):
        raise ValueError(
            "data.mix: `partner_labels` is for a second dataset that has only inputs. Received: "
            f"partner_labels={partner_labels!r} and partners={partners!r}. Leave it out."
        )
    if in_pairs:
        refuse_unpaired(dataset.element_spec, layer)
    elif partners is not None:
        _check_dataset("partners", partners, ', or "paired"')
        _refuse_empty(partners)
        beside.append(_labelled(partners, partner_labels, dataset.element_spec).repeat())
    in_order = {} if num_parallel_calls is None else {"deterministic": True}
    parallel: dict[str, Any] = {"num_parallel_calls": num_parallel_calls, **in_order}
    result = tf.data.Dataset.zip(*beside)
    finish = _clean_and_mixed.finish(layer, keep_clean)
    if layer.recurs:
        _recursion.refuse_partners(layer, partners)
        result = _recursion.mixed(result, layer, mix_batch, finish, parallel)
    else:
        # Unconverted, so that refusals reach users without a traceback of converted code.
        mixing = functools.partial(_mixed_batch, mix_batch, finish, in_pairs)
        result = result.map(tf.autograph.experimental.do_not_convert(mixing), **parallel)
    free = all(_checkpoints.exact_is_free(each) for each in beside[1:])
    return _checkpoints.exact(result) if resumable or free else result


def mixed(layer: Any, **options: Any) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Returns `mix` as a function for `dataset.apply`: `dataset.apply(mixed(layer, seed=1))`.

    Args:
        layer: Mixer of `keras_mix.layers`. The mixer to apply to each batch.
        **options: The other arguments of `mix`.

    Returns:
        A function from a `tf.data.Dataset` to a `tf.data.Dataset`.

    Raises:
        ValueError: If the layer is not a mixer.
    """
    _check_layer(layer)
    return functools.partial(mix, layer=layer, **options)


def _mixed_batch(mix_batch, finish, in_pairs, time, element, partners=None):
    """A batch, mixed as its time demands; partners come from a second one if there is one."""
    if in_pairs:
        element, partners = element
    return finish(element, mix_batch(time, element, partners))


def _mixed_by_seed(layer, seed, batch, partners):
    return layer(batch, seed=tf.cast(seed, tf.int32), partners=partners, training=True)


def _refuse_lengths(**lengths):
    """Refuses the lengths that only a schedule needs."""
    for name, value in lengths.items():
        if value is not None:
            checks.refuse(
                "data.mix",
                f"`{name}` is for a schedule, without which all epochs are alike",
                f"{name}={value!r} and schedule=None",
                "Leave it out, or pass `schedule`.",
            )


def _check_dataset(name, value, other=""):
    if isinstance(value, tf.data.Dataset):
        return
    way_out = "Make one from arrays: tf.data.Dataset.from_tensor_slices((x, y)).batch(…)."
    if isinstance(value, shared_options.Configured):
        way_out = "The dataset comes first: keras_mix.data.mix(dataset, layer)."
    received = f"{name}={_named(value)}"
    checks.refuse("data.mix", f"`{name}` must be a tf.data.Dataset{other}", received, way_out)


def _refuse_empty(partners):
    """Refuses a second dataset that is known to be empty: it would empty the result."""
    if tf.executing_eagerly() and partners.cardinality() == 0:
        rule = "`partners` must have at least one batch"
        checks.refuse("data.mix", rule, "a dataset of 0 elements", "Leave it out, or fill it.")


def _check_layer(layer):
    layer = checks.instance("data.mix", "layer", layer)
    if isinstance(layer, shared_options.Configured):
        return
    rule = "`layer` must be a mixer of keras_mix.layers"
    checks.refuse("data.mix", rule, f"layer={_named(layer)}", _mixer_instead(layer))


def _mixer_instead(value):
    """The way out for a value that is not a mixer."""
    if isinstance(value, tf.data.Dataset):
        return "The dataset comes first: keras_mix.data.mix(dataset, layer)."
    if isinstance(value, list | tuple):
        return "To draw one of several mixers, pass keras_mix.layers.RandomChoice([…])."
    name = value if isinstance(value, str) else type(value).__name__
    mixers = {name.lower(): name for name in layers.__all__}
    meant = mixers.get(name.lower().replace("_", ""))
    if meant and isinstance(value, str | keras.Layer):
        return f"Pass an instance of a mixer, keras_mix.layers.{meant}(…)."
    if isinstance(value, str):
        near = spelling.suggestion(value, layers.__all__)
        return f"Pass an instance of a mixer, such as keras_mix.layers.CutMix().{near}"
    return "Map a function that does not mix: dataset.map(…), before or after mixing."


def _named(value):
    """A short description of a value."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    shape = getattr(value, "shape", None)
    of_keras = isinstance(value, keras.Layer) and type(value).__module__.startswith("keras.")
    name = f"a {'keras.layers.' * of_keras}{type(value).__name__}"
    return name if shape is None else f"{name} of shape {tuple(shape)}"


def _parallel(value):
    """None, `tf.data.AUTOTUNE`, or a number of calls."""
    if value is None or (isinstance(value, int) and value == tf.data.AUTOTUNE):
        return value
    return checks.integer("num_parallel_calls", value, low=1)


def _refuse_unbatched(spec):
    """Refuses datasets that are not batched: their labels are scalars."""
    for leaf in tf.nest.flatten(spec):
        rank = getattr(getattr(leaf, "shape", None), "rank", None)
        if rank == 0:
            raise ValueError(
                "data.mix: the dataset must be batched before it is mixed. "
                f"Received: element_spec={spec}. Call `dataset.batch(…)` first."
            )


def _labelled(partners, labels, spec):
    """The second dataset, in the form that a mixer takes partners in."""
    second, in_tuples = partners.element_spec, isinstance(spec, tuple)
    if isinstance(second, tuple):
        labelled = len(second) > 1
    else:
        labelled = not in_tuples and isinstance(second, dict) and "labels" in second
    if labels is not None and labelled:
        raise ValueError(
            "data.mix: `partner_labels` is for a second dataset that has only inputs. Received: "
            f"partner_labels={labels!r} and element_spec={second}. Leave it out, or map the second "
            "dataset to its inputs."
        )
    _refuse_unbatched(second)
    if not (labels is None or callable(labels) or (isinstance(labels, str) and labels == "kept")):
        raise ValueError(
            'data.mix: `partner_labels` must be None, "kept" or a callable. '
            f"Received: partner_labels={labels!r}"
        )
    if labels is None and not labelled and in_tuples and len(spec) > 1:
        raise ValueError(
            "data.mix: the second dataset must have the structure of the first, (x, y). "
            f"Received: element_spec={second}. Pass its labels: "
            'partner_labels="kept", or a callable from inputs to labels.'
        )
    if callable(labels):
        return partners.map(functools.partial(_with_labels, labels))
    # A dict by itself would be read as Keras's dict of a whole batch.
    return partners.map(_alone) if in_tuples and isinstance(second, dict) else partners


def _alone(x):
    return (x,)


def _with_labels(labels, x):
    return x, labels(x)
