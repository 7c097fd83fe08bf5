"""The command `keras-mix`, a thin face on `keras_mix.evaluate` and `keras_mix.plot`."""

import argparse
import importlib
import os
import pathlib
import shlex
import sys

from keras_mix.extras import require

MIXERS_HELP = (
    "mixers and their arguments, such as mixup:alpha=0.4,rate=0.5,cutmix; with -device behind the "
    "name they mix in the train step; manifold mixes hidden states; none is no mixing, all is "
    "every mixer; an unknown name lists the known ones (default: %(default)s)"
)
MOST_NAMES = 10  # of skipped images, in one sentence
INTERRUPTED = 130  # as shells report a process that Ctrl-C ended


def main(argv=None):
    """Runs the command.

    Args:
        argv: list of str, the arguments, or None for those of the process.

    Returns:
        int, the exit code: 0, 2 after a mistake in the request, which one sentence on the standard
        error names, or 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = _parser().parse_args(argv)
        _import_tensorflow_quietly()
        return args.command(args, shlex.join(["keras-mix", *argv]))
    except (ValueError, OSError, ImportError) as error:
        print(f"keras-mix: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "keras-mix: interrupted; the same compare command keeps the finished runs and goes on",
            file=sys.stderr,
        )
        return INTERRUPTED


def _import_tensorflow_quietly():
    """Imports TensorFlow without its remarks on the machine, unless they are asked for."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return
    # TensorFlow 2.21 writes some of them before it reads its log level, past Python's sys.stderr.
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage above it."""

    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser():
    parser = _Parser("keras-mix", description="Mixing augmentations for Keras, tried on data.")
    commands = parser.add_subparsers(required=True, metavar="compare | preview")
    compare = commands.add_parser(
        "compare",
        help="train the same network with several mixers and report what changes",
        description="Trains the same small network with several mixers on a data set, over "
        "several seeds, and reports accuracy, negative log-likelihood, Brier score and expected "
        "calibration error. Interrupted, it keeps the finished runs; the same command goes on.",
    )
    _add_data(compare, image_size=32)
    compare.add_argument("--mixers", default="none,mixup,cutmix,manifold", help=MIXERS_HELP)
    compare.add_argument(
        "--train-size", type=int, metavar="N",
        help="training samples, the classes in proportion (default: 80 %% of digits and folders, "
        "the whole training split of the others)",
    )  # fmt: skip
    for option, default, text in (
        ("--epochs", 60, "passes over the training samples, for every mixer"),
        ("--seeds", 3, "trainings of each mixer, with the seeds 0 to N-1"),
        ("--batch-size", 32, "samples in a batch, which are mixed with each other"),
    ):
        compare.add_argument(
            option, type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    compare.add_argument(
        "--model", default="small", help="the network: small or medium (default: %(default)s)"
    )
    compare.add_argument(
        "--output", default="keras-mix-compare", metavar="FOLDER",
        help="where report.html, results.json and the pictures go (default: %(default)s)",
    )  # fmt: skip
    compare.set_defaults(command=_compare)

    preview = commands.add_parser(
        "preview",
        help="draw mixed samples with their labels",
        description="Draws a grid of the same images under each mixer, with their labels, as PNG.",
    )
    _add_data(preview, image_size=96)
    preview.add_argument("--mixers", default="none,mixup,cutmix", help=MIXERS_HELP)
    for option, default, text in (
        ("--columns", 8, "images in a row"),
        ("--rows", 1, "rows of each mixer"),
        ("--seed", 0, "of the choice of images and the mixing"),
    ):
        preview.add_argument(
            option, type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    preview.add_argument(
        "--output", default="preview.png", metavar="FILE", help="(default: %(default)s)"
    )
    preview.set_defaults(command=_preview)
    return parser


def _add_data(parser, image_size):
    parser.add_argument(
        "--data", default="digits",
        help="digits, cifar10, cifar100, mnist, fashion_mnist, or a folder with one sub-folder of "
        "images a class, or with train and val (else test) that hold these (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--image-size", type=int, default=image_size, metavar="PIXELS",
        help="height and width to which the images of a folder are resized (default: %(default)s)",
    )  # fmt: skip


def _compare(args, command):
    from keras_mix.evaluate import (
        compare,
        datasets,
        draw,
        mixers,
        networks,
        output_folder,
        terminal,
        write_report,
    )

    console = require("rich.console", "keras-mix compare").Console()
    # Whatever would stop the report is found before the training, not after it.
    output_folder.check_writable(args.output)
    for module in ("jinja2", "matplotlib.figure", "scipy.stats"):
        require(module, "keras-mix compare")
    layers = mixers.parse(args.mixers)
    data = datasets.load(args.data, args.train_size, args.image_size)
    notes = _notes(data)
    shape = data.train[0].shape[1:]
    results = compare(
        lambda: networks.build(args.model, shape, len(data.class_names)),
        data.train,
        data.validation,
        layers,
        epochs=args.epochs,
        seeds=args.seeds,
        batch_size=args.batch_size,
        output=args.output,
        progress=True,
    )
    report = write_report(
        results,
        args.output,
        title=f"Mixing compared on {data.name}",
        samples=draw(data.train, layers, data.class_names, columns=min(8, len(data.train[1]))),
        command=command,
        notes=notes,
    )
    console.print(terminal.table(results))
    console.print(f"Report: {report}", soft_wrap=True, highlight=False, markup=False)
    return 0


def _preview(args, command):
    from keras_mix.evaluate import datasets, draw, mixers

    layers = mixers.parse(args.mixers)
    data = datasets.load(args.data, image_size=args.image_size)
    _notes(data)
    figure = draw(
        data.train, layers, data.class_names, columns=args.columns, rows=args.rows, seed=args.seed
    )
    pathlib.Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.output, format="png")
    print(args.output)
    return 0


def _notes(data):
    """Prints what a reader of results must know of the data; returns the sentences as a list."""
    sentences = list(data.notes)
    if data.skipped:
        noun = "image that" if len(data.skipped) == 1 else "images that"
        names = ", ".join(data.skipped[:MOST_NAMES])
        more = f" and {len(data.skipped) - MOST_NAMES} more" * (len(data.skipped) > MOST_NAMES)
        sentences.append(f"Skipped {len(data.skipped)} {noun} could not be read: {names}{more}.")
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return sentences
