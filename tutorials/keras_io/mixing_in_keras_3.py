"""
Title: Mixing augmentation in Keras 3: MixUp, CutMix and what to do with labels, masks and boxes
Author: [The keras_mix authors](https://github.com/keras-mix/keras_mix)
Date created: 2026/11/27
Last modified: 2026/11/27
Description: How to mix images with all their labels in a pipeline, and activations in a model.
Accelerator: None
"""

"""
## Introduction

MixUp blends two images and their labels. CutMix pastes a box of one image into another
and weights the labels by area. Both make it hard for a network to learn its training
set by heart, and both are among the cheapest regularizers there are:

- [MixUp: Beyond Empirical Risk Minimization](https://arxiv.org/abs/1710.09412)
- [CutMix: Train Strong Classifiers with Localizable Features](https://arxiv.org/abs/1905.04899)

Keras has `keras.layers.MixUp` and `keras.layers.CutMix`. They mix images with one-hot
labels. This guide uses the library `keras_mix`, whose layers also take class ids,
segmentation masks, and bounding boxes, and which can mix inside a model. It answers the
questions that come up in practice:

- Which form do labels have after mixing, and which loss and metric fit them?
- What does mixing gain, and when?
- How do masks and boxes follow the pixels?
- How do you mix inside a model, and reproduce a run?

## Setup

This guide needs `keras_mix`, Matplotlib and scikit-learn, which brings the images. You
can install them by `pip install "keras-mix[evaluate]"`. Mixing in a `tf.data` pipeline
works with any Keras backend; the section on mixing in the model works with any, too.
"""

import keras
import keras_mix
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn import datasets

NUM_CLASSES = 10
BATCH_SIZE = 50
EPOCHS = 30

keras.utils.set_random_seed(1)

"""
## Data with wrong labels

We use 1,797 scans of digits, and train on 500 of them. Labels that people wrote down
are seldom all right, so we replace 30 % of the training labels by another class. All
labels that we test with are right.
"""

images, labels = datasets.load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
order = np.random.permutation(len(images))
images, labels = images[order], labels[order]

train_images, test_images = images[:500], images[500:]
train_labels, test_labels = labels[:500].copy(), labels[500:]
train_labels[:150] += np.random.randint(1, NUM_CLASSES, 150)
train_labels %= NUM_CLASSES
print(f"{np.mean(train_labels != labels[:500]):.0%} of the training labels are wrong.")

"""
## Two lines in the pipeline

Mixing takes partners from the same batch. So the layer is mapped after `batch()`.
"""

plain_dataset = tf.data.Dataset.from_tensor_slices((train_images, train_labels))
plain_dataset = plain_dataset.shuffle(500).batch(BATCH_SIZE)

mixup = keras_mix.layers.MixUp(alpha=0.4, num_classes=NUM_CLASSES)
mixed_dataset = plain_dataset.map(mixup, num_parallel_calls=tf.data.AUTOTUNE)

print("Before:", plain_dataset.element_spec[1])
print("After: ", mixed_dataset.element_spec[1])

"""
A class id cannot say "70 % a three, 30 % a seven". Therefore labels come out as a
weight for each class, and the loss is `categorical_crossentropy`, without `sparse_`.
(For many thousands of classes, `label_mode="pairs"` packs two ids and two weights
instead, and `keras_mix.losses.MixedLoss` reads them.)

A mixer is an ordinary layer, and can be called on a batch to look at what it does:
"""

cutmix = keras_mix.layers.CutMix(alpha=1.0, num_classes=NUM_CLASSES)
rows = {
    "As they are": mixup(images[:8], labels[:8], training=False),
    "MixUp": mixup(images[:8], labels[:8]),
    "CutMix": cutmix(images[:8], labels[:8]),
}
keras_mix.plot.batch(
    np.concatenate([row_images for row_images, _ in rows.values()]),
    np.concatenate([row_labels for _, row_labels in rows.values()]),
    row_names=list(rows),
)
plt.show()

"""
## A label is counted, not drawn

CutMix draws a weight from a Beta distribution and cuts a box of that area. But a box is
rounded to pixels, and clipped at the border. The label must have the area that was
really pasted. We check it: fill each image with its own number, cut, and count.
"""

numbered_images = np.ones((10, 32, 32, 1)) * np.arange(10).reshape(10, 1, 1, 1)
cut_images, cut_labels = cutmix(numbered_images, np.arange(10))
counted = [np.mean(cut_images == number, axis=(1, 2, 3)) for number in range(10)]
difference = np.abs(np.stack(counted, axis=1) - cut_labels).max()
print(f"Largest difference of a label from the count: {difference:.1g}")

"""
## What it gains

We train the same network three times. With `alpha=0` nothing is mixed, so the run
without mixing goes through the same pipeline. The test images get labels of the same
form by `training=False`.

On mixed labels the usual accuracy is misleading, since no prediction can be "right"
about two classes. `keras_mix.metrics.MixedMetric` compares predictions with the
dominant class. Also expect a training loss that stays high: even a perfect prediction
of an image that is 70 % a three costs 0.61. Compare the values on the test images.
"""


def build_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(NUM_CLASSES, activation="softmax"),
        ]
    )


test_dataset = tf.data.Dataset.from_tensor_slices((test_images, test_labels))
test_dataset = test_dataset.batch(len(test_images)).map(
    lambda images, labels: mixup(images, labels, training=False),
    num_parallel_calls=tf.data.AUTOTUNE,
)
mixers = {
    "No mixing": keras_mix.layers.MixUp(alpha=0.0, num_classes=NUM_CLASSES),
    "MixUp": mixup,
    "CutMix": cutmix,
}
for name, mixer in mixers.items():
    keras.utils.set_random_seed(1)
    model = build_model()
    accuracy = keras_mix.metrics.MixedMetric("accuracy", name="accuracy")
    model.compile("adam", "categorical_crossentropy", metrics=[accuracy])
    history = model.fit(
        plain_dataset.map(mixer, num_parallel_calls=tf.data.AUTOTUNE),
        validation_data=test_dataset,
        epochs=EPOCHS,
        shuffle=False,  # The pipeline shuffles.
        verbose=0,
    ).history
    print(
        f"{name:10} accuracy {history['accuracy'][-1]:.1%} in training, "
        f"{history['val_accuracy'][-1]:.1%} on the test images"
    )

"""
Without mixing, the network learns the wrong labels by heart. A mixture is never the
same twice, so it is harder to learn by heart.

**Mixing does not always help.** Where labels are right, data are plenty, or training is
short, it mostly makes the task harder. Always train without mixing as well, with
several seeds.

## Segmentation masks and bounding boxes

If a piece of another image is pasted, its mask and its boxes must be pasted too, and
what is covered must disappear. Pass the dict that Keras uses for such data: everything
in it is mixed by one draw. The format of the boxes is the only new option.
"""


def draw_square(generator):
    image, mask = np.full((32, 32, 3), 0.5, "float32"), np.zeros((32, 32), "int32")
    size = generator.integers(10, 18)
    left, top = generator.integers(1, 31 - size, 2)
    image[top : top + size, left : left + size] = generator.random(3)
    mask[top : top + size, left : left + size] = 1
    box = np.array([[left, top, left + size, top + size]], "float32")
    return image, mask, box


generator = np.random.default_rng(1)
samples = [draw_square(generator) for index in range(4)]
squares, masks, boxes = map(np.stack, zip(*samples, strict=True))
batch = {
    "images": squares,
    "segmentation_masks": masks,
    "bounding_boxes": {"boxes": boxes, "labels": np.zeros((4, 1), "int32")},
}
cut_with_boxes = keras_mix.layers.CutMix(alpha=1.0, bounding_boxes="xyxy", seed=2)
mixed_batch = cut_with_boxes(batch)

figure, panels = plt.subplots(2, 4, figsize=(8, 4), layout="constrained")
for index in range(4):
    panels[0, index].imshow(mixed_batch["images"][index])
    panels[1, index].imshow(mixed_batch["segmentation_masks"][index])
    found = mixed_batch["bounding_boxes"]
    is_box = found["labels"][index] >= 0  # Rows without a box are filled with -1.
    for left, top, right, bottom in found["boxes"][index][is_box].numpy() - 0.5:
        x_values = [left, right, right, left, left]
        y_values = [top, top, bottom, bottom, top]
        panels[0, index].plot(x_values, y_values, color="white")
for panel in panels.flat:
    panel.set_axis_off()
plt.show()

"""
Mask ids are pasted, never averaged, so that an id such as 255, "ignore", stays what it
is. A box shrinks to what is left of it; `keras_mix.layers.BoundingBoxOptions` sets how
much of a box must be visible to keep it. Encode boxes for your detector after mixing.

## Mixing inside a model

A wrapper mixes in the train step, on the accelerator, and takes plain class ids: the
loss is computed for both labels and weighted. `ManifoldMixup` mixes hidden activations,
at a layer that it draws for each batch
([Verma et al.](https://arxiv.org/abs/1806.05236)).
"""

keras.utils.set_random_seed(1)
model = keras_mix.models.ManifoldMixup(build_model(), alpha=1.0)
print("Mixed at one of:", model.mix_points)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    plain_dataset,
    validation_data=(test_images, test_labels),
    epochs=EPOCHS,
    shuffle=False,
    verbose=0,
).history
print(f"Manifold Mixup: {history['val_accuracy'][-1]:.1%} on the test images")

"""
Predictions are not mixed, and `model.base` is your own model, trained.

## The same numbers again

`keras_mix.data.mix()` does what `map()` does, but draws everything from one seed: runs
are identical, and yet every epoch is mixed differently.
"""

ordered_dataset = tf.data.Dataset.from_tensor_slices((train_images, train_labels))
ordered_dataset = ordered_dataset.batch(BATCH_SIZE)
first, second = (
    keras_mix.data.mix(ordered_dataset, cutmix, seed=1) for repetition in range(2)
)
epochs = [
    np.concatenate([epoch_images for epoch_images, _ in dataset])
    for dataset in (first, second, first)
]
print("Two runs are equal:  ", np.array_equal(epochs[0], epochs[1]))
print("Two epochs are equal:", np.array_equal(epochs[0], epochs[2]))

"""
## Takeaways

- Map the mixer after `batch()`, and use a loss for class weights.
- Judge by test images: training loss and accuracy refer to a harder task.
- Mixing gains most where a network would learn its data by heart.
- Masks and boxes go through the same layer as the images, by the same draw.

To go on, see the [notebooks](https://github.com/keras-mix/keras_mix/tree/main/tutorials)
of `keras_mix` on text, sounds, tables, and detection.
"""
