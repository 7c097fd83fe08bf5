"""Each mixer has a card, each card the same headings, and the targets that it names are true."""

import re

import pytest
from pages import CARDS, FOLDER, WITHOUT_CARD, class_of, front_matter, name_of
from targets import SPECIALISTS, TARGETS, is_mixed

import keras_mix

HEADINGS = [
    "How to use",
    "Suggested settings",
    "Published figures",
    "Pitfalls",
    "Deviations",
    "Reference",
]


@pytest.fixture(params=CARDS, ids=name_of)
def card(request):
    return request.param


def test_every_class_that_mixes_has_a_card():
    mixing = {*keras_mix.layers.__all__, *keras_mix.models.__all__} - WITHOUT_CARD
    assert mixing <= {class_of(card).__name__ for card in CARDS}


def test_the_gallery_shows_every_card():
    marks = re.findall(r"<!-- gallery: (.+) -->", (FOLDER / "mixers/index.md").read_text("utf-8"))
    shown = " ".join(marks).split()
    assert sorted(shown) == sorted(class_of(card).__name__ for card in CARDS)


def test_a_card_has_the_name_of_its_module(card):
    module = class_of(card).__module__.split(".")[-1]
    assert card.stem == module.replace("_", "-")


def test_headings_are_those_of_every_card(card):
    text = re.sub(r"^```.*?^```", "", card.read_text("utf-8"), flags=re.M | re.S)
    assert re.findall(r"^# (.+)", text, re.M) == [class_of(card).__name__]
    assert re.findall(r"^## (.+)", text, re.M) == HEADINGS


def test_a_card_refers_to_its_class_in_the_api(card):
    kind = "layers" if "layer" in front_matter(card) else "models"
    reference = card.read_text("utf-8").split("## Reference")[1]
    assert f"[`keras_mix.{kind}.{class_of(card).__name__}`][" in reference


@pytest.mark.slow
def test_targets_that_a_card_names_are_mixed(card):
    kind, claimed = class_of(card), front_matter(card)["targets"]
    assert set(claimed) <= set(TARGETS)
    assert [target for target in claimed if not is_mixed(kind, target)] == []


@pytest.mark.slow
def test_targets_that_a_card_leaves_out_are_refused(card):
    kind, claimed = class_of(card), front_matter(card)["targets"]
    if kind.__name__ in SPECIALISTS:
        assert claimed == SPECIALISTS[kind.__name__]
    else:
        assert [target for target in {*TARGETS} - {*claimed} if is_mixed(kind, target)] == []
