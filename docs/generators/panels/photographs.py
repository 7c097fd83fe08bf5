"""Panels of mixers of images, on the photographs of tools/draw_gallery.py."""

import functools

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

from keras_mix import layers
from panels.panel import Panel, label
from panels.sounds import wave_pixels, waves
from tools.draw_gallery import FILLING, NAMES, SHOWN, boxes_of, mixer, overlaid, seed
from tools.draw_gallery import photographs as both

IDS = np.arange(len(NAMES))
# Those that blend cut no masks.
BLENDING = ("GuidedMixup", "MixUp", "SmoothMix")
photographs = functools.cache(both)


def of_images(name):
    """Returns the panels of a mixer of SHOWN: with the label, and with mask and boxes."""
    images, masks = photographs()
    mixed, labels = mixer(name, num_classes=len(NAMES))(images, IDS, seed=seed())
    batch = {"images": images, "bounding_boxes": boxes_of(masks)}
    if name not in BLENDING:
        batch["segmentation_masks"] = masks
    structured = mixer(name, bounding_boxes="xyxy")(batch, seed=seed())
    kinds = "boxes follow" if name in BLENDING else "mask and boxes follow"
    partner = [] if name in FILLING else [Panel(images[1], "Its partner", "flower 1.00")]
    return [
        Panel(images[0], "A sample", "pagoda 1.00"),
        *partner,
        Panel(pixels(mixed[0]), name, label(labels[0], NAMES)),
        Panel(with_boxes(structured), "", kinds),
    ]


def with_boxes(batch):
    """Draws the mask and the boxes of a batch's first sample over its image."""
    shown = {**batch, "images": [pixels(batch["images"][0])]}
    drawn = overlaid(shown, 0) if "segmentation_masks" in batch else shown["images"][0]
    picture = Image.fromarray(drawn)
    boxes = batch["bounding_boxes"]
    for box, kind in zip(np.array(boxes["boxes"][0]), np.array(boxes["labels"][0]), strict=True):
        if kind != -1:
            ImageDraw.Draw(picture).rectangle([*map(float, box)], outline="white", width=3)
    return np.array(picture)


def of_copy_paste():
    """Returns the panels of objects that are pasted by their masks."""
    images, masks = photographs()
    batch = {
        "images": images,
        "segmentation_masks": masks,
        "objects": (masks > 0)[:, None].astype("uint8"),
        "bounding_boxes": boxes_of(masks),
    }
    layer = layers.CopyPaste(
        (0.5, 0.8), kinds={"objects": "instance_masks"}, bounding_boxes="xyxy", pairing="roll"
    )
    return of_targets("CopyPaste", layer, batch)


def of_class_mix():
    """Returns the panels of classes that are pasted by the mask."""
    images, masks = photographs()
    batch = {"images": images, "segmentation_masks": masks, "bounding_boxes": boxes_of(masks)}
    layer = layers.ClassMix(num_classes=len(NAMES), bounding_boxes="xyxy", pairing="roll")
    return of_targets("ClassMix", layer, batch)


def of_targets(name, layer, batch):
    """Returns the panels of a mixer that draws its regions from masks."""
    # The first seed with which the partner's object, and not its background, is pasted.
    for number in range(99):
        mixed = layer(batch, seed=tf.constant([number, 0]))
        if 2 in np.array(mixed["segmentation_masks"][0]):
            break
    return [
        Panel(with_boxes(batch), "A sample", "with its mask and box"),
        Panel(batch["images"][1], "Its partner", ""),
        Panel(pixels(mixed["images"][0]), name, ""),
        Panel(with_boxes(mixed), "", "mask and boxes follow"),
    ]


def of_random_choice():
    """Returns a sample under one of two mixers, three times."""
    images, _ = photographs()
    mixers = [layers.MixUp(8.0, pairing="roll"), layers.CutMix(4.0, pairing="roll")]
    chosen = layers.RandomChoice(mixers, num_classes=len(NAMES))
    return [Panel(images[0], "A sample", "pagoda 1.00"), *draws(chosen, images)]


def of_random_apply():
    """Returns a sample that is mixed or left alone, three times."""
    images, _ = photographs()
    cutmix = layers.CutMix(4.0, pairing="roll")
    applied = layers.RandomApply(cutmix, rate=0.5, num_classes=len(NAMES))
    return [Panel(images[0], "A sample", "pagoda 1.00"), *draws(applied, images)]


def of_recursive_mix():
    """Returns a sample, and what three batches one after the other make of it."""
    images, _ = photographs()
    layer = layers.RecursiveMix((0.3, 0.5), num_classes=len(NAMES), pairing="roll")
    panels, previous = [Panel(images[0], "A sample", "pagoda 1.00")], None
    for number in range(3):
        previous = layer(images, IDS, seed=tf.constant([number, 3]), partners=previous)
        text = label(previous[1][0], NAMES)
        panels.append(Panel(pixels(previous[0][0]), f"Batch {number + 1}", text))
    return panels


def draws(layer, images):
    """Returns the first image under three draws of a layer."""
    found = []
    for number in range(3):
        mixed, labels = layer(images, IDS, seed=tf.constant([number, 3]))
        found.append(Panel(pixels(mixed[0]), f"Draw {number + 1}", label(labels[0], NAMES)))
    return found


def of_cross_modal_mix():
    """Returns images and sounds that one plan mixes."""
    images, _ = photographs()
    batch = {"image": images, "sound": waves()}
    layer = layers.CrossModalMix(
        8.0, cuts={"image": layers.CutMix()}, pairing="roll", num_classes=len(NAMES)
    )
    mixed, labels = layer(batch, IDS, seed=seed())
    return [
        Panel(images[0], "A sample", "pagoda 1.00"),
        Panel(wave_pixels(batch["sound"][0]), "", "and its sound"),
        Panel(pixels(mixed["image"][0]), "CrossModalMix", label(labels[0], NAMES)),
        Panel(wave_pixels(mixed["sound"][0]), "", "the sound, by the same λ"),
    ]


def of_mix_gen():
    """Returns two images with captions, and their mixture."""
    images, _ = photographs()
    texts = np.array(["a pagoda by a lake", "a red flower", "a lake", "petals"])
    batch = {"images": images, "caption": texts}
    mixed = layers.MixGen(texts=["caption"], pairing="roll")(batch, seed=seed())
    return [
        Panel(images[0], "A pair", f"“{texts[0]}”"),
        Panel(images[1], "Its partner", f"“{texts[1]}”"),
        Panel(pixels(mixed["images"][0]), "MixGen", f"“{mixed['caption'][0].numpy().decode()}”"),
    ]


def of_synchronized_augmentation():
    """Returns an image with its boxes before and after a crop and a flip."""
    images, masks = photographs()
    batch = {"images": images, "bounding_boxes": boxes_of(masks)}
    layer = layers.SynchronizedAugmentation(
        frames=["images"], crop=0.75, flip=1.0, bounding_boxes="xyxy"
    )
    cropped = layer(batch, training=True, seed=seed())
    return [
        Panel(with_boxes(batch), "A sample", "image and boxes"),
        Panel(with_boxes(cropped), "SynchronizedAugmentation", "one crop, one flip for both"),
    ]


def pixels(image):
    """Returns an image as uint8."""
    return np.clip(np.round(np.array(image)), 0, 255).astype("uint8")


DRAWN = {
    **{name: functools.partial(of_images, name) for name in SHOWN},
    "RecursiveMix": of_recursive_mix,
    "CopyPaste": of_copy_paste,
    "ClassMix": of_class_mix,
    "RandomChoice": of_random_choice,
    "RandomApply": of_random_apply,
    "CrossModalMix": of_cross_modal_mix,
    "MixGen": of_mix_gen,
    "SynchronizedAugmentation": of_synchronized_augmentation,
}
