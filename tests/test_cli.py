"""The command, from its arguments to its files, its exit code and its sentences."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

import keras_mix
from keras_mix import cli, evaluate
from keras_mix._core import process_signals

pytestmark = pytest.mark.slow

PNG = b"\x89PNG"


@pytest.fixture
def folder(tmp_path):
    """Two classes of four images each, and a file that is no image."""
    data = tmp_path / "data"
    for name in ("cat", "dog"):
        (data / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (10, 8), (60 * i, 90, 200)).save(data / name / f"{i}.png")
    (data / "cat" / "broken.png").write_bytes(PNG)
    return data


def refused(capsys, *argv):
    """Runs the command, which must refuse; returns its sentence."""
    assert cli.main([str(arg) for arg in argv]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("keras-mix: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_compare_trains_and_reports_a_folder(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(evaluate.networks.STAGES, "small", (2,))
    output = tmp_path / "made" / "here"
    argv = ["compare", "--data", str(folder), "--image-size", "8", "--train-size", "4"]
    argv += ["--epochs", "1", "--seeds", "1", "--mixers", "none,mixup:alpha=1,per=batch"]
    argv += ["--output", str(output)]
    assert cli.main(argv) == 0
    captured = capsys.readouterr()
    assert "Skipped 1 image that could not be read: cat/broken.png." in captured.err
    assert "mixup:alp" in captured.out
    assert captured.out.endswith(f"Report: {output / 'report.html'}\n")
    assert {path.name for path in output.iterdir()} == {"report.html", "results.json"}
    page = (output / "report.html").read_text("utf-8")
    assert "cat/broken.png" in page
    assert "mixup:alpha=1,per=batch" in page
    assert "keras-mix compare --data" in page
    results = evaluate.Results.from_json((output / "results.json").read_text("utf-8"))
    assert results.measured == ["none", "mixup:alpha=1,per=batch"]
    for mixer in results.measured:
        assert f"{results.spread(mixer, 'nll').mean:.3f}" in page


def test_several_fractions_of_wrong_labels_make_one_page(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(evaluate.networks.STAGES, "small", (2,))
    argv = ["compare", "--data", str(folder), "--image-size", "8", "--train-size", "4"]
    argv += ["--epochs", "1", "--seeds", "1", "--mixers", "none", "--label-noise", "0,0.5"]
    assert cli.main([*argv, "--output", str(tmp_path / "o")]) == 0
    captured = capsys.readouterr()
    assert "2 of the 4 training labels (50 %) are wrong on purpose" in captured.err
    assert captured.out.index("Clean labels") < captured.out.index("50 % wrong labels")
    page = (tmp_path / "o" / "report.html").read_text("utf-8")
    assert page.index("<h3>Clean labels") < page.index("<h3>50 % wrong labels")
    assert "2 of the 4 training labels (50 %) are wrong on purpose" in page
    runs = [
        evaluate.Results.from_json((tmp_path / "o" / name / "results.json").read_text("utf-8"))
        for name in ("label-noise-0", "label-noise-0.5")
    ]
    assert len({each.settings["data"] for each in runs}) == 2


def test_preview_draws_a_picture(folder, tmp_path, capsys):
    output = tmp_path / "made" / "preview.png"
    argv = ["preview", "--data", folder, "--columns", "3", "--rows", "2", "--output", output]
    assert cli.main([str(arg) for arg in argv]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    assert output.read_bytes().startswith(PNG)


def test_preview_reads_no_more_files_than_it_draws(folder, tmp_path, monkeypatch):
    read, decode = [], evaluate.image_file.decode
    monkeypatch.setattr(
        evaluate.image_file, "decode", lambda *given: read.append(given[0].name) or decode(*given)
    )
    argv = ["preview", "--data", str(folder), "--columns", "3", "--mixers", "none"]
    assert cli.main([*argv, "--output", str(tmp_path / "p.png")]) == 0
    assert len([name for name in read if name != "broken.png"]) == 3


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def interrupt(text):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate.mixers, "parse", interrupt)
    assert cli.main(["preview"]) == 130
    assert capsys.readouterr().err.startswith("keras-mix: interrupted; ")


class Killing:
    """Sends a signal to the process while it is destroyed, where exceptions are lost."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def _interrupts():
    """SIGINT as in a terminal: shells have jobs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_no_signal_is_lost_or_a_traceback(monkeypatch, capsys, number, code):
    def load(*_):
        Killing(number)
        for _ in range(500):
            time.sleep(0.01)

    monkeypatch.setattr(evaluate.datasets, "load", load)
    before = signal.getsignal(signal.SIGTERM), sys.unraisablehook
    assert cli.main(["compare"]) == code
    error = capsys.readouterr().err
    assert "; finished runs are kept, and the same command" in error
    assert error.count("\n") == 1
    assert (signal.getsignal(signal.SIGTERM), sys.unraisablehook) == before


def test_signals_wait_while_a_library_loads():
    loaded = []

    def load():
        with process_signals.deferred():
            signal.raise_signal(signal.SIGINT)
            loaded.append(True)

    with pytest.raises(KeyboardInterrupt):
        load()
    assert loaded
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"keras-mix {keras_mix.__version__}\n"


def test_the_home_folder_and_few_images(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in folder.glob("*/[23].png"):  # two images of each class are left
        path.unlink()
    (folder / "cat").rename(folder / r"$\frac$")
    argv = ["preview", "--data=~/data", "--output=~/made.png", "--mixers", "none"]
    assert cli.main(argv) == 0
    assert (tmp_path / "made.png").read_bytes().startswith(PNG)


def test_a_report_that_cannot_be_written_names_what_is_kept(folder, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(evaluate.networks.STAGES, "small", (2,))
    monkeypatch.setattr(evaluate, "write_report", full)
    argv = ["compare", "--data", str(folder), "--image-size", "8", "--output", str(tmp_path / "o")]
    argv += ["--train-size", "4", "--epochs", "1", "--seeds", "1", "--mixers", "none"]
    assert cli.main(argv) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "report could not be written (No space left on device). All runs" in error
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--image-size", "16"], "is for folders, built-in data sets keep their size."),
        (["--data", "digit"], "Did you mean 'digits'?"),
        (["--data", __file__], "a file instead of a folder. Received: "),
        (["--mixers", "cutmx-device"], "Did you mean 'cutmix-device'?"),
        (["--mixers", "mixup:alfa=1"], "Did you mean 'alpha'?"),
        (["--model", "smal"], "Did you mean 'small'?"),
        (["--colums", "3"], "unrecognized arguments: --colums 3. (see keras-mix compare --help)"),
        (["--outputs=3"], "unrecognized arguments: --outputs=3. Did you mean '--output'?"),
        (["--data", "cifar11"], "unknown data set, and no such folder. Received: 'cifar11'"),
        (["--mixers", "mixip"], "unknown mixer. Received: 'mixip'. Known: none, cowmix"),
        (["--mixers", "mixup:alfa=1"], "MixUp has no such argument. Received: 'alfa=1'"),
        (["--mixers", "cutmix:alpha=-1"], "alpha"),
        (["--train-size", "1790"], "to 1787. Received: train_size=1790"),
        (["--train-size", "3"], "from 10 (one of each class)"),
        (["--model", "huge"], "unknown model. Received: 'huge'. Known: small, medium"),
        (["--epochs", "0"], "`epochs` must be at least 1. Received: 0"),
        (["--seeds", "0"], "`seeds` must be at least 1. Received: 0"),
        (["--batch-size", "x"], "argument --batch-size: invalid int value: 'x'"),
        (["--label-noise", "0,2"], "fractions must be from 0 to 1. Received: '0,2'"),
        (["--label-noise", "x"], "argument --label-noise: "),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_compare_refuses_in_one_sentence_before_any_training(
    monkeypatch, tmp_path, capsys, argv, sentence
):
    monkeypatch.setattr("keras.Model.fit", None)
    output = tmp_path / "out"
    assert sentence in refused(capsys, "compare", "--output", output, *argv)
    assert not list(output.glob("*"))


def test_an_output_folder_that_cannot_be_written_is_refused_before_anything_is_read(
    monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(evaluate.datasets, "load", None)
    error = refused(capsys, "compare", "--output", tmp_path / "file" / "out")
    assert "folder must be one that can be written. Received: " in error
    assert "Not a directory" in error


def test_a_folder_without_two_classes_is_refused(tmp_path, capsys):
    (tmp_path / "data" / "only").mkdir(parents=True)
    for command in ("compare", "preview"):
        error = refused(capsys, command, "--data", tmp_path / "data", "--output", tmp_path / "out")
        assert "one sub-folder of images for each class, at least 2. Received: 1 sub" in error


def test_preview_refuses_in_one_sentence(tmp_path, capsys):
    assert "Received: 'cifar11'" in refused(capsys, "preview", "--data", "cifar11")
    assert "Received: columns=0, rows=1" in refused(capsys, "preview", "--columns", "0")
    (tmp_path / "file").write_text("")
    assert "file" in refused(capsys, "preview", "--output", tmp_path / "file" / "p.png")
    assert "Received: 'a.jpg', the suffix .jpg" in refused(capsys, "preview", "--output", "a.jpg")
    assert "must be a PNG file. Received: " in refused(capsys, "preview", "--output", tmp_path)


def test_a_missing_command_is_refused(capsys):
    assert "required: compare | evaluate | explore | preview" in refused(capsys)


def test_help_is_quick_and_the_module_runs():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = "import runpy, sys; sys.argv[1:] = ['compare', '--help']\n"
    code += "try: runpy.run_module('keras_mix', run_name='__main__')\n"
    code += "except SystemExit as end: print(end.code, 'tensorflow' in sys.modules)"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert "--mixers" in made.stdout
    assert made.stdout.endswith("0 False\n")
    assert made.stderr == ""


@pytest.mark.parametrize("module", ["sklearn.datasets", "scipy.stats", "jinja2"])
def test_a_missing_extra_is_one_sentence_before_any_training(tmp_path, capsys, monkeypatch, module):
    monkeypatch.setattr("keras.Model.fit", None)
    monkeypatch.setitem(sys.modules, module, None)
    error = refused(capsys, "compare", "--output", tmp_path)
    assert f"needs the package {module.partition('.')[0]}, which is not installed. " in error
    assert 'pip install "keras-mix[evaluate]"' in error


def test_tensorflow_is_silent():
    code = "from keras_mix import cli; cli._import_tensorflow_quietly()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert (made.stdout, made.stderr) == ("", "")
