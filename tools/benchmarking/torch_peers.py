"""Mixing by PyTorch and by image libraries, in a process without TensorFlow.

Run as a module with a batch and mixers it prints, as JSON, which peers it can measure and why it
cannot measure others; then it measures one turn for each line that names a peer by its number.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from benchmarking import rounds
from benchmarking.batches import Batch
from benchmarking.machine import THREADS

# The box of Cutout and its kin: half of each side, a quarter of the area.
HALF, QUARTER = 0.5, 0.25
# What kornia mixes.
MIXED = ["input", "class"]


def _torchvision(batch, mixer, **options):
    from torchvision.transforms import v2

    images, labels = _tensors(batch)
    transform = getattr(v2, mixer)(num_classes=batch.classes, **options)
    return _stepping(transform, images, labels, cast=mixer == "MixUp")


def _torchvision_erasing(batch):
    from torchvision.transforms import v2

    images, _ = _tensors(batch)
    transform = v2.RandomErasing(p=1, scale=(QUARTER, QUARTER), ratio=(1, 1), inplace=True)
    return partial(transform, images)


def _timm(batch, mixer, mode):
    from timm.data import Mixup

    images, labels = _tensors(batch)
    alphas = {"mixup_alpha": 0.2, "cutmix_alpha": 0} if mixer == "MixUp" else {"mixup_alpha": 0}
    transform = Mixup(
        **{"cutmix_alpha": 1.0, "mode": mode, "label_smoothing": 0.0} | alphas,
        num_classes=batch.classes,
    )
    return _stepping(transform, images, labels, cast=mixer == "MixUp")


def _timm_erasing(batch):
    from timm.data.random_erasing import RandomErasing

    images, _ = _tensors(batch)
    transform = RandomErasing(
        probability=1, min_area=QUARTER, max_area=QUARTER, min_aspect=1, device="cpu"
    )
    return partial(transform, images)


def _kornia(batch, name, **options):
    import kornia.augmentation

    images, labels = _tensors(batch)
    transform = getattr(kornia.augmentation, name)(p=1.0, **options)
    given = (images, labels) if options.get("data_keys") == MIXED else (images,)
    return _stepping(transform, *given, cast=True)


def _albumentations(batch, name, **options):
    """Image by image, by a pool of threads: OpenCV works without Python's lock."""
    import albumentations
    import cv2

    cv2.setNumThreads(1)
    images, _ = batch.arrays()
    transform = albumentations.Compose([getattr(albumentations, name)(p=1.0, **options)])
    pool = ThreadPoolExecutor(THREADS)

    def one(number):
        others = [{"image": images[(number + i) % batch.batch]} for i in range(1, 4)]
        extra = {"mosaic_metadata": others} if name == "Mosaic" else {}
        return transform(image=images[number], **extra)["image"]

    return lambda: np.stack(list(pool.map(one, range(batch.batch))))


def _tensors(batch):
    """Images with channels first, and class ids."""
    import torch

    torch.set_num_threads(THREADS)
    images, labels = (torch.from_numpy(array) for array in batch.arrays())
    return images.permute(0, 3, 1, 2).contiguous(), labels


def _stepping(transform, images, *labels, cast):
    """The step of a transform; `cast` where it takes no bytes, so that users cast each batch."""
    if cast and not images.is_floating_point():
        return lambda: transform(images.float(), *labels)
    return partial(transform, images, *labels)


SIZE = (224, 224)
# (mixer, library): function of a `Batch` that makes the step.
PEERS = {
    ("MixUp", "torchvision v2 (one λ a batch)"): partial(_torchvision, mixer="MixUp", alpha=0.2),
    ("CutMix", "torchvision v2 (one box a batch)"): partial(_torchvision, mixer="CutMix"),
    ("Cutout", "torchvision v2 (one box a batch, in place)"): _torchvision_erasing,
    ("MixUp", "timm (one λ a batch, in place)"): partial(_timm, mixer="MixUp", mode="batch"),
    ("MixUp", "timm (in place)"): partial(_timm, mixer="MixUp", mode="elem"),
    ("CutMix", "timm (one box a batch, in place)"): partial(_timm, mixer="CutMix", mode="batch"),
    ("CutMix", "timm (in place)"): partial(_timm, mixer="CutMix", mode="elem"),
    ("Cutout", "timm (in place)"): _timm_erasing,
    ("MixUp", "kornia"): partial(_kornia, name="RandomMixUpV2", data_keys=MIXED),
    ("CutMix", "kornia"): partial(
        _kornia, name="RandomCutMixV2", data_keys=MIXED, use_correct_lambda=True
    ),
    ("Cutout", "kornia"): partial(
        _kornia, name="RandomErasing", scale=(QUARTER, QUARTER), ratio=(1.0, 1.0)
    ),
    ("Mosaic", "kornia (crops)"): partial(
        _kornia, name="RandomMosaic", output_size=SIZE, data_keys=["input"]
    ),
    ("Cutout", "albumentations"): partial(
        _albumentations,
        name="CoarseDropout",
        num_holes_range=(1, 1),
        hole_height_range=(HALF, HALF),
        hole_width_range=(HALF, HALF),
    ),
    ("GridMask", "albumentations"): partial(_albumentations, name="GridDropout"),
    ("Mosaic", "albumentations"): partial(
        _albumentations, name="Mosaic", target_size=SIZE, cell_shape=SIZE
    ),
}


def reason(error):
    """Why a peer is absent."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _main(asked):
    sizes, mixers = json.loads(asked)
    steps, found, absent = [], [], []
    for (mixer, library), build in PEERS.items():
        if mixer not in mixers:
            continue
        try:
            step = build(Batch(*sizes))
            step()
        except Exception as error:  # one that fails must not end the benchmark
            absent.append([mixer, library, reason(error)])
        else:
            steps.append(step)
            found.append([mixer, library])
    _say({"found": found, "absent": absent})
    for line in sys.stdin:
        _say(rounds.turn(steps[int(line)]))


def _say(value):
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
