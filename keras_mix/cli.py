"""The command `keras-mix`, a thin interface to `keras_mix.evaluate` and `keras_mix.plot`."""

import argparse
import contextlib
import importlib
import logging
import os
import pathlib
import shlex
import sys

from keras_mix._core import atomic_file, process_signals
from keras_mix._core.optional_imports import require
from keras_mix._core.spelling import printable, suggestion

MIXERS_HELP = (
    "mixers and their arguments, such as mixup:alpha=0.4,rate=0.5,cutmix; -device after a "
    "name mixes in the train step; manifold mixes hidden states, regmixup adds mixtures to the "
    "batch; unmixed_epochs=K ends the mixing of any; none is no mixing, all is every mixer; an "
    "unknown name lists the known ones"
)
DATA_HELP = (
    "digits, cifar10, cifar100, mnist, fashion_mnist, or a folder with one sub-folder of images "
    "per class, or with train and val (else test) folders of these"
)
MOST_NAMES = 10  # of skipped images, in one sentence
ERROR = 2
# As shells report a process that Ctrl-C or SIGTERM ended.
INTERRUPTED, TERMINATED = 130, 143


def main(argv=None):
    """Runs the command.

    Args:
        argv: List of strings, the arguments, or None for those of the process.

    Returns:
        int, the exit code: 0; 2 after an error, which one sentence on the standard error names;
        130 after Ctrl-C and 143 after SIGTERM.
    """
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without ± or a name's characters
            stream.reconfigure(errors="backslashreplace")
    interrupted = "nothing was done"
    try:
        args = _parser().parse_args(argv)
        interrupted = args.interrupted
        with process_signals.ended_by_signals():
            if "tensorflow" not in sys.modules:
                _import_tensorflow_quietly()
                _pool_memory()
            return args.command(args, shlex.join(["keras-mix", *argv]))
    except (ValueError, OSError, ImportError, MemoryError) as error:
        print(f"keras-mix: error: {_sentence(error)}", file=sys.stderr)
        return ERROR
    except process_signals.Terminated:
        print(f"keras-mix: terminated; {interrupted}", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print(f"keras-mix: interrupted; {interrupted}", file=sys.stderr)
        return INTERRUPTED


def _sentence(error):
    """Returns the text of an error, without the number of a system error."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _import_tensorflow_quietly():
    """Imports TensorFlow without its log messages, unless they are requested."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return
    # Such as those on retracing, which several networks in one process cause.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # TensorFlow 2.21 writes some of them before it reads its log level, past Python's sys.stderr.
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with process_signals.deferred():
            importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _pool_memory():
    """Pools the memory of batches, unless the user's environment has chosen."""
    from keras_mix.data import pool_memory

    if "TF_CPU_ALLOCATOR_USE_BFC" not in os.environ:
        pool_memory()


class _Parser(argparse.ArgumentParser):
    """Reports an error in one sentence, without the usage."""

    def parse_known_args(self, args=None, namespace=None):
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            names = [name for name in self._option_string_actions if name.startswith("--")]
            hint = suggestion(unknown[0].partition("=")[0], names)
            self.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
        return namespace, unknown

    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _parser():
    parser = _Parser(
        "keras-mix",
        description="Compare, preview and explore mixing augmentations for Keras on images, and "
        "evaluate trained models.",
    )
    version = importlib.import_module(__package__).__version__
    parser.add_argument("--version", action="version", version=f"%(prog)s {version}")
    commands = parser.add_subparsers(
        required=True, metavar="compare | evaluate | explore | preview"
    )
    compare = commands.add_parser(
        "compare",
        help="train the same network with several mixers and report what changes",
        description="Trains the same small network with several mixers on a data set, over "
        "several seeds, and reports whether mixing gains and whether the confidence is right: "
        "accuracy, likelihood and calibration, before and after temperature scaling. An "
        "interrupted comparison keeps its finished runs; the same command "
        "continues with the others.",
    )
    _add_data(compare, image_size=32)
    _add(compare, "--mixers", "none,mixup,cutmix,manifold", MIXERS_HELP)
    compare.add_argument(
        "--train-size", type=int, metavar="N",
        help="training samples, drawn in proportion to the classes (default: 80 %% of digits and "
        "folders without splits, the whole training split of the others)",
    )  # fmt: skip
    compare.add_argument(
        "--label-noise", type=_fractions, default="0", metavar="FRACTIONS",
        help="fraction of the training labels to make wrong, such as 0.3; several, such as 0,0.3, "
        "make a comparison each and one report (default: %(default)s)",
    )  # fmt: skip
    _add(compare, "--epochs", 60, "passes over the training samples for each mixer", "N")
    _add(compare, "--seeds", 3, "runs of each mixer, with the seeds 0 to N-1", "N")
    _add(compare, "--batch-size", 32, "samples in a batch, from which partners are drawn", "N")
    _add(compare, "--model", "small", "the network: small or medium")
    _add_full(compare)
    where = "folder for report.html and results.json"
    _add(compare, "--output", "keras-mix-compare", where, "FOLDER")
    compare.set_defaults(
        command=_compare,
        interrupted="finished runs are kept, and the same command continues with the others",
    )

    evaluate = commands.add_parser(
        "evaluate",
        help="score a trained model and report whether its confidence is right",
        description="Scores a model that Keras has saved, on images that it was not trained on: "
        "accuracy, likelihood and calibration, before and after temperature scaling. Of a folder "
        "with train and val (else test) folders the latter is read, of any other folder all "
        "images, of digits a fifth, of the other data sets the test split.",
    )
    evaluate.add_argument("model", metavar="MODEL", help="the .keras file of a classifier")
    evaluate.add_argument("data", metavar="DATA", help=DATA_HELP)
    evaluate.add_argument(
        "--image-size", type=int, metavar="PIXELS",
        help="height and width of the images of a folder, for a model that takes any size",
    )  # fmt: skip
    evaluate.add_argument(
        "--value-range", "--scale", type=_range, default="0,1", metavar="BLACK,WHITE",
        help="the values of black and white that the model takes, such as 0,255 or, with a =, "
        "--value-range=-1,1 (default: %(default)s)",
    )  # fmt: skip
    evaluate.add_argument(
        "--logits", action="store_true", help="the model gives logits, not probabilities"
    )
    _add_full(evaluate)
    where = "folder for report.html and results.json"
    _add(evaluate, "--output", "keras-mix-evaluate", where, "FOLDER")
    evaluate.set_defaults(command=_evaluate, interrupted="no report was written")

    explore = commands.add_parser(
        "explore",
        help="try mixers and their options on your images, on a local page",
        description="Serves a page on which mixers and their options are tried on a batch of "
        "images, with the mixed labels and the code for each picture, and prints its address. "
        "Only this machine and only that address, which holds a random token, reach the page, and "
        "it asks nothing of other machines. Ctrl-C ends it.",
    )
    explore.add_argument(
        "data", metavar="DATA", nargs="?", default="digits",
        help=DATA_HELP + " (default: %(default)s)",
    )  # fmt: skip
    _add_image_size(explore, image_size=96)
    _add(explore, "--images", 12, "images in the batch, at least 2", "N")
    _add(explore, "--seed", 0, "seed for choosing the images of a folder", "N")
    _add(explore, "--port", 0, "port of the page; 0 is any that is free", "N")
    explore.add_argument("--open", action="store_true", help="open the page in the browser")
    explore.set_defaults(command=_explore, interrupted="the explorer has ended")

    preview = commands.add_parser(
        "preview",
        help="draw mixed samples with their labels",
        description="Draws a grid of the same images under each mixer, with their labels, as PNG.",
    )
    _add_data(preview, image_size=96)
    _add(preview, "--mixers", "none,mixup,cutmix", MIXERS_HELP)
    preview.add_argument(
        "--columns", type=int, metavar="N",
        help="images in a row (default: 8, or as many as there are)",
    )  # fmt: skip
    _add(preview, "--rows", 1, "rows for each mixer", "N")
    _add(preview, "--seed", 0, "seed for choosing images and for mixing", "N")
    _add(preview, "--output", "preview.png", "the PNG file to write", "FILE")
    preview.set_defaults(command=_preview, interrupted="no picture was written")
    return parser


def _add(parser, option, default, text, metavar=None):
    """Adds an option of the type of its default, which the help shows."""
    text += " (default: %(default)s)"
    parser.add_argument(option, type=type(default), default=default, metavar=metavar, help=text)


def _add_full(parser):
    parser.add_argument(
        "--full", action="store_true",
        help="measure robustness too: attacks, occlusion, corruptions, samples of no class",
    )  # fmt: skip


def _add_data(parser, image_size):
    _add(parser, "--data", "digits", DATA_HELP)
    _add_image_size(parser, image_size)


def _add_image_size(parser, image_size):
    parser.add_argument(
        "--image-size", type=int, metavar="PIXELS",
        help="height and width to which the images of a folder are resized (default: "
        f"{image_size}); the other data sets keep their size",
    )  # fmt: skip
    parser.set_defaults(folder_image_size=image_size)


def _compare(args, command):
    from keras_mix.evaluate import mixers, output_folder

    # Missing packages are reported before the training, not after it.
    for module in ("jinja2", "PIL.Image", "rich.console", "scipy.stats"):
        require(module, "keras-mix compare")
    layers = mixers.parse(args.mixers)
    with output_folder.claimed(args.output) as folder:
        return _compare_into(folder, args, layers, command)


def _compare_into(folder, args, layers, command):
    from keras_mix.evaluate import datasets, mixed_samples

    data = datasets.load(args.data, args.train_size, _image_size(args, datasets))
    notes, results = _notes(data), {}
    several = len(args.label_noise) > 1
    for fraction in args.label_noise:
        part = datasets.with_wrong_labels(data, fraction) if fraction else data
        notes += _printed(part.notes[len(data.notes) :])
        into = folder / f"label-noise-{fraction:g}" if several else folder
        clean = "Clean labels" if several else ""
        title = f"{100 * fraction:g} % wrong labels" if fraction else clean
        results[title] = _results(part, args, layers, into)
    title = f"Mixing compared on {printable(data.name)}"
    samples = mixed_samples(data.train, layers, data.class_names)
    return _report(results, folder, title, command, notes, samples)


def _report(results, folder, title, command, notes, samples=None):
    """Writes the page of a dict of results, and prints their answers and tables."""
    from keras_mix.evaluate import answer, terminal, write_report

    console = require("rich.console", "The tables of results").Console()
    try:
        report = write_report(
            results,
            folder,
            title=title,
            samples=samples,
            command=printable(command),
            notes=notes,
        )
    except OSError as error:
        raise OSError(
            f"The report could not be written ({_sentence(error)}). All runs are kept in "
            f"{str(folder)!r}: once files can be written there, the same command makes the report"
        ) from error
    finally:
        for name, part in results.items():
            console.print(*terminal.tables(part, name or None))
            console.print()
            said = answer(part)
            for sentence in (*said.sentences, *said.advice):
                console.print(sentence, highlight=False, markup=False)
    console.print(f"Report: {report}", soft_wrap=True, highlight=False, markup=False)
    return 0


def _results(data, args, layers, folder):
    """Trains and scores what is missing in one folder of results."""
    from keras_mix.evaluate import compare, networks

    shape = data.train[0].shape[1:]
    return compare(
        lambda: networks.build(args.model, shape, len(data.class_names)),
        data.train,
        data.validation,
        layers,
        epochs=args.epochs,
        seeds=args.seeds,
        batch_size=args.batch_size,
        full=args.full,
        output=folder,
        progress=True,
    )


def _fractions(text):
    """Reads such as `0,0.3`; argparse reports what is no fraction."""
    fractions = [float(part) for part in text.split(",")]
    if not all(0 <= fraction <= 1 for fraction in fractions):
        raise argparse.ArgumentTypeError(f"fractions must be from 0 to 1. Received: {text!r}")
    return list(dict.fromkeys(fractions))


def _range(text):
    """Reads such as `0,255`; argparse reports what is no pair."""
    black, white = (float(part) for part in text.split(","))
    if not (abs(black) < float("inf") and black < white < float("inf")):
        raise argparse.ArgumentTypeError(f"black must be less than white. Received: {text!r}")
    return black, white


def _evaluate(args, command):
    from keras_mix.evaluate import datasets, model_file, output_folder, score_model

    for module in ("jinja2", "PIL.Image", "rich.console", "scipy.stats"):
        require(module, "keras-mix evaluate")
    classifier = model_file.load(args.model)
    built_in = args.data in datasets.BUILT_IN
    size = args.image_size if built_in else classifier.image_size(args.image_size)
    data = datasets.held_out(args.data, size)
    classifier.check_classes(data.class_names)
    notes = _notes(data)
    images, ids = data.validation
    black, white = args.value_range
    name = printable(pathlib.Path(args.model).name)
    with output_folder.claimed(args.output) as folder:
        try:
            results = score_model(
                classifier.model,
                (black + (white - black) * classifier.fitted(images), ids),
                name=name,
                from_logits=args.logits,
                full=args.full,
                value_range=args.value_range,
            )
        except ValueError as error:
            raise ValueError(str(error).replace("from_logits=True", "--logits")) from error
        results.save(folder)
        title = f"{name} on {printable(data.name)}"
        return _report({"": results}, folder, title, command, notes)


def _explore(args, command):
    from keras_mix._core import checks
    from keras_mix.evaluate import datasets
    from keras_mix.plot import _explorer

    require("PIL.Image", "keras-mix explore")
    count = checks.integer("--images", args.images, low=2)
    port = checks.integer("--port", args.port, low=0, high=65535)
    size = _image_size(args, datasets)
    data = datasets.sample(args.data, count, size, args.seed)
    _notes(data)
    images, labels = data.train
    given = f"{args.data!r}, {count}, image_size={size}, seed={args.seed}"
    source = (
        f"data = keras_mix.evaluate.datasets.sample({given})\n"
        f"batch = tuple(part[:{count}] for part in data.train)"
    )
    scene = _explorer.Scene(
        _explorer.read((images[:count], labels[:count]), data.class_names, source=source)
    )
    with _explorer.Server(scene, title=printable(data.name), port=port) as server:
        print(server.address, flush=True)
        with _explorer.opened(server.address) if args.open else contextlib.nullcontext():
            server.serve_forever()
    return 0


def _preview(args, command):
    from keras_mix.evaluate import datasets, draw, mixers, picture, samples

    output = pathlib.Path(os.path.expanduser(args.output))
    if output.is_dir() or output.suffix.lower() not in ("", ".png"):
        what = "a folder" if output.is_dir() else f"the suffix {output.suffix}"
        raise ValueError(f"--output must be a PNG file. Received: {args.output!r}, {what}")
    layers = mixers.parse(args.mixers)
    columns = samples.COLUMNS if args.columns is None else args.columns
    count = max(columns * args.rows, 1)
    data = datasets.sample(args.data, count, _image_size(args, datasets), args.seed)
    _notes(data)
    figure = draw(
        data.train, layers, data.class_names, columns=args.columns, rows=args.rows, seed=args.seed
    )
    atomic_file.write(output, picture.png(figure))
    print(output)
    return 0


def _image_size(args, datasets):
    """Returns the size that was given, or the command's own for folders."""
    if args.image_size is None and args.data not in datasets.BUILT_IN:
        return args.folder_image_size
    return args.image_size


def _notes(data):
    """Prints remarks on the data for the reader of the results; returns them as a list."""
    sentences = list(data.notes)
    if data.skipped:
        noun = "image that" if len(data.skipped) == 1 else "images that"
        names = ", ".join(data.skipped[:MOST_NAMES])
        more = f" and {len(data.skipped) - MOST_NAMES} more" * (len(data.skipped) > MOST_NAMES)
        sentences.append(f"Skipped {len(data.skipped)} {noun} could not be read: {names}{more}.")
    return _printed(sentences)


def _printed(sentences):
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return list(sentences)
