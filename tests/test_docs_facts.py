"""What pages say of options, versions and counts is what the code and the results say."""

import argparse
import configparser
import csv
import inspect
import re
import shlex

import pytest
from pages import FOLDER, PAGES, ROOT, code

from keras_mix import cli, layers
from tools.study import grid
from tools.study.methods import METHODS

COMMAND_LINE = (FOLDER / "guides/command-line.md").read_text("utf-8")
(SUBPARSERS,) = (
    action.choices
    for action in cli._parser()._actions
    if isinstance(action, argparse._SubParsersAction)
)


@pytest.fixture(params=SUBPARSERS)
def subcommand(request):
    return request.param


def section(subcommand):
    """What the guide says of one subcommand."""
    return re.search(rf"^## {subcommand}$(.*?)^## ", COMMAND_LINE, re.M | re.S | re.I)[1]


def options(subcommand):
    """{option: its action}, without --help."""
    actions = SUBPARSERS[subcommand]._actions
    return {
        name: a
        for a in actions
        for name in a.option_strings
        if name.startswith("--") and name != "--help"
    }


def default(subcommand, option):
    """The default of an option; for --image-size the one of folders."""
    name = "folder_image_size" if option == "--image-size" else options(subcommand)[option].dest
    return SUBPARSERS[subcommand].get_default(name)


def test_the_guide_names_the_options_of_each_subcommand(subcommand):
    named = set(re.findall(r"--[a-z][\w-]*", section(subcommand)))
    assert named <= set(options(subcommand))
    actions = SUBPARSERS[subcommand]._actions
    # An action may have a second, older name.
    assert {a.option_strings[0] for a in actions if a.option_strings} - {"-h"} <= named


def test_defaults_in_the_guide_are_those_of_the_parser(subcommand):
    text = section(subcommand)
    said = re.findall(r"`(--[\w-]+)`\s+\(([^)]+)\)", text)
    for names, cell in re.findall(r"^\| (`--.+?) \| (.*?) ?\|", text, re.M):
        found = re.findall(r"--[\w-]+", names)
        # Commas inside of `…` belong to one default.
        values = re.split(r", (?=[^`]*$)", cell) if len(found) > 1 else [cell]
        said += zip(found, values, strict=True)
    for option, value in said:
        if re.fullmatch(r"`.+`|\d+", value):
            assert value.strip("`") == str(default(subcommand, option)), option
        else:  # None and 0 stand for what the guide says in words
            assert default(subcommand, option) in (None, False, 0), option
    assert said or subcommand == "evaluate"


def commands():
    """The calls of keras-mix in sentences, and those of the README."""
    readme = (ROOT / "README.md").read_text("utf-8")
    lines = "".join(code(readme, "sh")).replace("\\\n", " ").splitlines()
    yield from (line.partition(" ")[2] for line in lines if line.startswith("keras-mix "))
    for page in [ROOT / "README.md", *PAGES]:
        yield from re.findall(r"`keras-mix ([a-z]+ [^`]*--[^`]+)`", page.read_text("utf-8"))


@pytest.mark.parametrize("command", list(commands()))
def test_shown_calls_of_the_command_are_read(command):
    cli._parser().parse_args(shlex.split(command, comments=True))


def setup_cfg():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def test_versions_are_those_of_the_setup():
    page = (FOLDER / "about/versions.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\w, ]+) \| (.+?) \|", page, re.M))
    declared = setup_cfg()
    pythons = re.findall(r"Python :: (3\.\d+)", declared["metadata"]["classifiers"])
    assert rows["Python"] == f"{pythons[0]} to {pythons[-1]}"
    required = "\n".join(
        [declared["options"]["install_requires"], declared["options.extras_require"]["test"]]
    )
    lowest = dict(re.findall(r"^([\w-]+)>=([\d.]+)", required, re.M))
    assert rows["TensorFlow"].startswith(f"{lowest['tensorflow']} to ")
    assert rows["Keras"].startswith(f"{lowest['keras']} to ")
    assert rows["JAX, PyTorch"].startswith(f"from {lowest['jax']}, ")
    assert f"TensorFlow Probability\n({lowest['tensorflow-probability']}," in page


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "results/index.html", "docs/pages/index.md", "docs/pages/study.md"),
        "docs/pages/guides/choose-a-mixer.md",
    ],
)
def test_trainings_are_as_many_as_the_study_has_scored(name):
    with (ROOT / "results/scores.csv").open(encoding="utf-8", newline="") as file:
        members = [int(row["members"]) for row in csv.DictReader(file) if row["method"] in METHODS]
    said = re.findall(r"([\d,]+) trainings", (ROOT / name).read_text("utf-8"))
    assert said == [f"{sum(members) * grid.SEEDS:,}"]


def defaults(kind):
    return {name: p.default for name, p in inspect.signature(kind).parameters.items()}


def test_defaults_that_pages_of_other_libraries_compare_with_are_ours():
    folder = FOLDER / "migrate"
    index = (folder / "index.md").read_text("utf-8")
    mixup, cutmix, per = re.search(
        r"^\| keras_mix \| .*; MixUp ([\d.]+), CutMix ([\d.]+) \| (\w+) \|", index, re.M
    ).groups()
    assert float(mixup) == defaults(layers.MixUp)["alpha"]
    assert float(cutmix) == defaults(layers.CutMix)["alpha"]
    assert per == defaults(layers.CutMix)["per"]
    for page in ("timm.md", "torchvision.md", "fastai.md"):
        (said,) = re.findall(
            r"\bours? (?:α defaults )?to (\d\.\d)", (folder / page).read_text("utf-8")
        )
        assert float(said) == defaults(layers.MixUp)["alpha"], page
    (said,) = re.findall(
        r"by default there, ([\d.]+) here", (folder / "albumentations.md").read_text("utf-8")
    )
    assert float(said) == defaults(layers.BoundingBoxOptions)["min_visible"]
