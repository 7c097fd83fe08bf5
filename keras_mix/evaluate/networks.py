"""Small convolutional networks for images of 8×8 pixels and more."""

import keras

from keras_mix._core.spelling import suggestion

# Name → the filters of each stage. A stage is two 3×3 convolutions, each with batch normalization
# and ReLU, and halves the image; a global average follows the last one.
STAGES = {"small": (16, 32), "medium": (64, 128, 256)}


def build(name, input_shape, num_classes):
    """Builds an untrained, uncompiled classifier.

    Args:
        name: `"small"` (17 thousand weights: digits, a quick look) or `"medium"` (1.15 million
            weights: 28×28 or 32×32 pixels and more).
        input_shape: Tuple of integers (H, W, C); H and W of at least 2 pixels for each halving
            stage.
        num_classes: Integer ≥ 2. Number of classes K.

    Returns:
        A `keras.Model` from float images `(B, H, W, C)` to probabilities `(B, K)`.

    Raises:
        ValueError: If the name is unknown or the images are too small.

    Example:

    >>> build("small", (8, 8, 1), 10).output_shape
    (None, 10)
    """
    if name not in STAGES:
        raise ValueError(
            f"networks.build: unknown model. Received: {name!r}. Known: {', '.join(STAGES)}."
            + suggestion(name, STAGES)
        )
    least = 2 ** len(STAGES[name])
    if min(input_shape[:2]) < least:
        raise ValueError(
            f"networks.build: {name} needs images of at least {least}×{least} pixels. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    layers = [keras.Input(input_shape)]
    for filters in STAGES[name]:
        for _ in range(2):
            layers += [
                keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
                # Keras's 0.99 lags hundreds of steps behind, more than a short training has.
                keras.layers.BatchNormalization(momentum=0.9),
                keras.layers.ReLU(),
            ]
        layers.append(keras.layers.MaxPooling2D())
    layers += [
        keras.layers.GlobalAveragePooling2D(),
        # float32 also under a mixed-precision policy: scores need exact probabilities.
        keras.layers.Dense(num_classes, activation="softmax", dtype="float32"),
    ]
    return keras.Sequential(layers)
