"""The contenders: the same batch through our pipelines, Keras's, a plain copy and peers."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import keras_mix

THREADS = 2
OURS = "keras_mix"
MIXERS = {"MixUp": {"alpha": 0.2}, "CutMix": {}}


class Workload(NamedTuple):
    """The batch that every contender of a group mixes.

    Attributes:
        batch: The number of samples B.
        side: The height and width of the images.
        dtype: The dtype of the images, "float32" or "uint8".
        classes: The number of classes K.
    """

    batch: int
    side: int
    dtype: str
    classes: int

    @property
    def shape(self):
        """The shape of the images."""
        return (self.batch, self.side, self.side, 3)

    def arrays(self):
        """Images and class ids, always the same."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, self.shape, "uint8").astype(self.dtype)
        return images, rng.integers(0, self.classes, self.batch)

    def dataset(self, one_hot=True):
        """The batch over and over in Keras's dict."""
        images, labels = self.arrays()
        if one_hot:
            labels = tf.one_hot(labels, self.classes)
        return repeated({"images": images, "labels": labels})


class Contender(NamedTuple):
    """One way to mix a batch.

    Attributes:
        mixer: The name of the mixer, or "" if it does not mix.
        library: The library of the contender.
        step: Called without arguments, it makes the next batch.
    """

    mixer: str
    library: str
    step: Callable


class Absent(NamedTuple):
    """A peer that could not be measured, and why."""

    mixer: str
    library: str
    reason: str


def repeated(batch):
    """Returns a dataset that repeats one batch, so that the source costs nothing."""
    return tf.data.Dataset.from_tensors(batch).cache().repeat()


def stepper(dataset):
    """The step of a tf.data pipeline."""
    return iter(dataset).__next__


def mapped(dataset, function):
    """The step of a function mapped over the batches, by as many calls in parallel as threads."""
    return stepper(dataset.map(function, num_parallel_calls=THREADS))


def contenders(workload, copy):
    """All contenders for a workload, the copying one named `copy`; and the absent peers."""
    found = [copying(workload, copy)]
    for mixer, arguments in MIXERS.items():
        layer = getattr(keras_mix.layers, mixer)(**arguments)
        rivals = getattr(keras.layers, mixer)(**arguments)
        mixed = keras_mix.data.mix(workload.dataset(), layer, num_parallel_calls=THREADS)
        found += [
            Contender(mixer, OURS, mapped(workload.dataset(), layer)),
            Contender(mixer, "keras.layers", mapped(workload.dataset(), rivals)),
            Contender(mixer, "keras_mix.data.mix", stepper(mixed)),
        ]
    peers = [tried(build, library, workload, mixer) for library, build in PEERS for mixer in MIXERS]
    found += [peer for peer in peers if isinstance(peer, Contender)]
    return found, [peer for peer in peers if isinstance(peer, Absent)]


def copying(workload, name):
    """The contender that copies the images and adds 1."""
    return Contender("", name, mapped(workload.dataset(), copied))


def plus_one(tensor):
    """The least work that reads a tensor and writes another of the same dtype."""
    return tensor + tf.ones([], tensor.dtype)


def tried(build, library, workload, mixer):
    """Returns a peer that made a batch; one that fails must not end the benchmark."""
    try:
        step = build(workload, mixer)
        step()
    except ImportError as error:
        return Absent(mixer, library, f"not installed: {error}")
    except Exception as error:
        reason = str(error).partition("\n")[0]
        return Absent(mixer, library, f"failed: {type(error).__name__}: {reason}")
    return Contender(mixer, library, step)


def copied(batch):
    """The batch with 1 added to its images."""
    return on_images(plus_one, batch)


def on_images(function, batch):
    """The batch with a function applied to its images."""
    return {"images": function(batch["images"]), "labels": batch["labels"]}


def _keras_cv(workload, mixer):
    import keras_cv

    return mapped(workload.dataset(), getattr(keras_cv.layers, mixer)(**MIXERS[mixer]))


def _torchvision(workload, mixer):
    from torchvision.transforms import v2

    transform = getattr(v2, mixer)(num_classes=workload.classes, **MIXERS[mixer])
    return _torch_step(workload, transform, cast=mixer == "MixUp")


def _timm(workload, mixer, mode):
    from timm.data import Mixup

    mixup = MIXERS["MixUp"]["alpha"] if mixer == "MixUp" else 0.0
    transform = Mixup(
        mixup_alpha=mixup,
        cutmix_alpha=0.0 if mixup else 1.0,
        mode=mode,
        label_smoothing=0.0,
        num_classes=workload.classes,
    )
    return _torch_step(workload, transform, cast=mixer == "MixUp")


def _torch_step(workload, transform, cast):
    """One batch by PyTorch. Neither peer blends uint8, so blending casts it as a user would."""
    import torch

    torch.set_num_threads(THREADS)
    images, labels = (torch.from_numpy(array) for array in workload.arrays())
    images = images.permute(0, 3, 1, 2).contiguous()
    if cast and workload.dtype == "uint8":
        return lambda: transform(images.float(), labels)
    return lambda: transform(images, labels)


PEERS = (
    ("keras_cv.layers", _keras_cv),
    ("torchvision v2 (one λ a batch)", _torchvision),
    ("timm (one λ a batch, in place)", functools.partial(_timm, mode="batch")),
    ("timm (one λ a sample, in place)", functools.partial(_timm, mode="elem")),
)
