"""Crashes, and messages that did not help."""

import contextlib
import io
import threading

import keras
import numpy as np
import tensorflow as tf

import keras_mix
from faults.common import ONE_HOT, Checks, L, N, attempt, constants, refusal

checks = Checks()


@checks("C1")
def numpy_beside_tensors():
    """Arrays and tensors may be mixed in one batch."""
    x = np.random.rand(N, 16, 16, 3).astype("float32")
    images, labels = L.CutMix()((x, tf.one_hot(np.arange(N), N)))
    yield "tuple", (tuple(images.shape), tuple(labels.shape)), ((N, 16, 16, 3), (N, N))
    mixed = L.CutMix()({"images": x, "labels": tf.one_hot(np.arange(N), N)})
    yield "dict", tuple(mixed["images"].shape), (N, 16, 16, 3)


@checks("C2")
def compositions_mix_or_are_refused():
    """A composition of compositions mixes, or is refused at construction."""
    made = attempt(
        lambda: L.RandomApply(L.CrossModalMix(cuts={"x": L.CutMix()}))(
            ({"x": constants(8, 8, 1), "z": constants(3)}, ONE_HOT)
        )
    )
    yield "RandomApply(CrossModalMix(…))", made, "mixed or refused"
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    models = [keras_mix.models.MixingModel(base) for _ in range(2)]
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    x, y = np.random.rand(8, 4).astype("float32"), np.arange(8) % 3

    def train():
        for _ in range(4):
            for model in models:
                model.train_on_batch(x, y)
        threads = [threading.Thread(target=model.train_on_batch, args=(x, y)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    yield "two wrappers of one base", attempt(train), "mixed or refused"


@checks("C3")
def erasing_mixers_train_inside_models():
    """Cutout, GridMask and SpecAugment change no label, so a model may call them on inputs."""
    for mixer, shape in ((L.Cutout(0.5), (8, 8, 1)), (L.GridMask(), (8, 8, 1))):
        inputs = keras.Input(shape)
        outputs = keras.layers.Dense(3)(keras.layers.Flatten()(mixer(inputs)))
        model = keras.Model(inputs, outputs)
        model.compile("sgd", "mse")
        loss = model.train_on_batch(np.ones((4, *shape), "float32"), np.ones((4, 3), "float32"))
        yield f"{type(mixer).__name__} trains", bool(np.isfinite(loss)), True
    spread = keras.layers.TimeDistributed(L.Cutout(0.5))
    video = np.ones((2, 3, 8, 8, 1), "float32")
    yield "TimeDistributed", tuple(spread(video).shape), video.shape


@checks("C4")
def the_command_blames_what_was_given():
    """The command reports errors in one sentence."""
    from keras_mix import cli

    def said(*arguments):
        out, err = io.StringIO(), io.StringIO()
        streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with streams[0], streams[1], contextlib.suppress(SystemExit):
            cli.main(list(arguments))
        return out.getvalue() + err.getvalue()

    yield "--version", keras_mix.__version__ in said("--version"), True
    wrong = said("compare", "--data", "digits", "--mixers", "cutmixx")
    yield "an unknown mixer", "cutmix" in wrong and "Traceback" not in wrong, True


@checks("C5")
def numbers_of_every_dtype():
    """Bools, bfloat16 ids and infinities are mixed or refused in a sentence."""
    x = constants(4, 4, 1)
    mix = L.CutMix(num_classes=N)
    yield "bool inputs", attempt(lambda: mix(x > 3, np.arange(N))), "mixed or refused"
    ids = tf.cast(tf.range(16), tf.bfloat16)
    images = np.random.rand(16, 4, 4, 1).astype("float32")
    yield "bfloat16 ids", attempt(lambda: L.MixUp(num_classes=16)(images, ids)), "mixed or refused"
    infinite = np.zeros((2, 4, 4, 1), "float32")
    infinite[0] = -np.inf
    mixed = L.MixUp(pairing="reverse", seed=1)(infinite, np.eye(2, dtype="float32"))[0]
    yield "−inf and 0: NaN", bool(np.isnan(mixed).any()), False


@checks("C6")
def slips_are_answered_in_sentences():
    """Common mistakes in a call are refused by messages of this package."""
    x = np.random.rand(8, 16, 16, 3).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((x, ONE_HOT)).batch(4)
    yield "map(CutMix)", *refusal(lambda: dataset.map(L.CutMix), "CutMix")
    yield "seed=1", attempt(lambda: L.CutMix()(x, ONE_HOT, seed=1)), "mixed or refused"
    yield "mix(layer, dataset)", *refusal(lambda: keras_mix.data.mix(L.CutMix(), dataset))
    yield "mix(arrays)", *refusal(lambda: keras_mix.data.mix((x, ONE_HOT), L.CutMix()))
    base = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    wrap = keras_mix.models.MixingModel
    yield "MixingModel(base, mixer=CutMix)", *refusal(lambda: wrap(base, mixer=L.CutMix))
    for name in ("factor", "p", "prob", "mixup_alpha"):
        yield f"{name}=", *refusal(lambda n=name: L.MixUp(**{n: 0.2}), "alpha")
    tfds = {"image": constants(8, 8, 3), "label": np.arange(N)}
    answer = _message(lambda: L.CutMix(num_classes=N)(tfds))
    yield "TFDS's dict", 'kinds={"label": "images"}' in answer, False


def _message(function):
    try:
        function()
    except Exception as error:
        return str(error)
    return ""


@checks("C7")
def advice_names_the_way_out():
    """Messages suggest an option that works."""
    x = constants(8, 8, 3).astype("uint16")
    yield "uint16 images", *refusal(lambda: L.CutMix(num_classes=N)(x, np.arange(N)), '"images"')
    mask = np.ones((N, 20), "bool")
    batch = ({"x": constants(20, 2), "mask": mask}, ONE_HOT)
    yield "a padding mask", *refusal(lambda: L.CutMix(spatial_dims=1)(batch), '"masks"')


@checks("C8")
def recipes_train_inside_models():
    """DeiT's recipe trains inside a model; a Keras pipeline may end in a mixer."""
    softmax = keras.layers.Dense(3, activation="softmax")
    base = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), softmax])

    def train():
        model = keras_mix.models.MixingModel(base, mixer=keras_mix.recipes.deit())
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(np.random.rand(8, 8, 8, 1).astype("float32"), np.arange(8) % 3)

    yield "MixingModel(base, deit())", attempt(train), "mixed or refused"
    pipeline = keras.layers.Pipeline([keras.layers.RandomFlip(), L.CutMix(num_classes=N)])
    x = {"images": constants(8, 8, 3), "labels": np.arange(N)}
    yield "Pipeline, dict", tuple(pipeline(x, training=True)["labels"].shape), (N, N)


@checks("C9")
def layers_show_themselves():
    """The repr of a layer is the call that creates it; the base class is public."""
    yield "repr", repr(L.CutMix(alpha=0.5, num_classes=10)), "CutMix(alpha=0.5, num_classes=10)"
    yield "Mixer", isinstance(getattr(L, "Mixer", None), type), True
    import inspect

    names = inspect.signature(L.MixUp).parameters
    missing = {"label_smoothing", "kinds", "passthrough", "rate"} - set(names)
    yield "options missing from the signature", sorted(missing), []
