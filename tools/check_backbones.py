"""Trains MixingModel and ManifoldMixup around the backbones of KerasHub and keras.applications.

    python tools/check_backbones.py                # all of them; some ten minutes
    python tools/check_backbones.py bert vit       # some

KerasHub, from PyPI, and the package are installed into a virtual environment of their own,
build/backbones, that later runs use again (the package is read from the checkout). Weights are
random. Each model takes three training steps at its default mix points, or at those of its row.
Prints a line for each, and exits with 1 if one fails.
"""

import argparse
import os
import subprocess
import sys
import venv
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "build" / "backbones"
CLASSES, SAMPLES, LENGTH = 4, 16, 12


def images(size):
    """Random images (B, size, size, 3) and class ids."""
    rng = np.random.default_rng(0)
    return rng.uniform(size=(SAMPLES, size, size, 3)).astype("float32")


def tokens():
    """Random token ids, with padding of different lengths."""
    rng = np.random.default_rng(0)
    valid = np.arange(LENGTH) < rng.integers(4, LENGTH + 1, (SAMPLES, 1))
    return {
        "token_ids": np.where(valid, rng.integers(1, 40, (SAMPLES, LENGTH)), 0).astype("int32"),
        "padding_mask": valid.astype("int32"),
        "segment_ids": np.zeros((SAMPLES, LENGTH), "int32"),
    }


def headed(backbone, features):
    """A classifier on features of a backbone, which is called as one layer."""
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name), backbone.input
    )
    hidden = features(backbone(inputs))
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(hidden))


def resnet():
    """KerasHub's ResNet, a small one of basic blocks."""
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64, 64],
        stackwise_num_blocks=[1, 1, 1],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
        image_shape=(32, 32, 3),
    )
    return headed(backbone, keras.layers.GlobalAveragePooling2D()), images(32)


def vit():
    """KerasHub's vision transformer, two layers."""
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3),
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    )
    return headed(backbone, keras.layers.GlobalAveragePooling1D()), images(32)


def bert(features):
    """KerasHub's BERT, three layers."""
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=40,
        num_layers=3,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_sequence_length=LENGTH,
    )
    return headed(backbone, features), tokens()


def application(name):
    """One of keras.applications, called as one layer."""
    backbone = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    return headed(backbone, keras.layers.GlobalAveragePooling2D()), images(32)


def cases():
    """Returns {name: (a function that returns a model and its inputs, its mix points or None)}."""
    return {
        "resnet": (resnet, None),
        "vit": (vit, None),
        "bert": (lambda: bert(lambda y: y["pooled_output"]), None),
        "bert-sequence": (lambda: bert(lambda y: y["sequence_output"][:, 0]), None),
        "bert-named": (
            lambda: bert(lambda y: y["pooled_output"]),
            ["bert_backbone/transformer_layer_0"],
        ),
        "MobileNetV3Small": (lambda: application("MobileNetV3Small"), None),
        "EfficientNetB0": (lambda: application("EfficientNetB0"), None),
        "ResNet50V2": (lambda: application("ResNet50V2"), None),
        "DenseNet121": (lambda: application("DenseNet121"), None),
        "ConvNeXtTiny": (lambda: application("ConvNeXtTiny"), None),
    }


def train(build, layers, wrapper):
    """Takes three steps; returns the losses and the mix points."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    base, x = build()
    if wrapper is MixingModel and isinstance(x, dict):
        # MixingModel blends inputs by default, and ids only at their embeddings: at all of them, so
        # that no data pass by.
        layers = layers or [("token_embedding", "segment_embedding")]
    model = wrapper(base, mix_at=layers)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    losses = model.fit(x, np.arange(SAMPLES) % CLASSES, batch_size=8, epochs=2, verbose=0)
    losses = losses.history["loss"]
    if not np.isfinite(losses).all():
        raise AssertionError(f"the losses are {losses}")
    np.testing.assert_array_equal(model.predict(x, verbose=0), base.predict(x, verbose=0))
    return losses, model.mix_points


def run(names):
    """Trains the requested models; returns the exit status."""
    known, failed = cases(), 0
    for name in names or known:
        for wrapper in (MixingModel, ManifoldMixup):
            row = f"{wrapper.__name__} around {name}"
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("error", message=".*stay unmixed there")
                    losses, places = train(*known[name], wrapper)
            except Exception as error:
                failed += 1
                print(f"FAILED  {row}: {error}", flush=True)
            else:
                print(f"ok      {row}: loss {losses[-1]:.3f}, mix points {places}", flush=True)
    return 1 if failed else 0


def in_environment(names):
    """Runs this file in the environment, which is created if it is missing."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "installed").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        requirements = ["keras-hub", str(ROOT)]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        (ENVIRONMENT / "installed").touch()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [python, __file__, "--here", *names]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of bert, vit, resnet, …")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.here:
        sys.exit(in_environment(arguments.names))
    import keras
    import keras_hub
    import numpy as np

    from keras_mix.models import ManifoldMixup, MixingModel

    sys.exit(run(arguments.names))
