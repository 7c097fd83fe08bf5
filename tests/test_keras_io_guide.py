"""The guide for keras.io has the form that its scripts/tutobooks.py asks for, and runs."""

import re

import matplotlib.pyplot as plt
import pytest
from notebook_cells import FOLDER

pytestmark = pytest.mark.slow

GUIDE = FOLDER / "keras_io/mixing_in_keras_3.py"


def test_guide_has_the_form_of_keras_io():
    text = GUIDE.read_text("utf-8")
    fence, *header = text.splitlines()[:8]
    fields = ["Title", "Author", "Date created", "Last modified", "Description", "Accelerator"]
    assert (fence, header[-1]) == ('"""', '"""')
    for field, line in zip(fields, header, strict=False):
        assert line.startswith(f"{field}: ")
    description = header[4].removeprefix("Description: ")
    assert description[0].isupper()
    assert description[-1] == "."
    assert len(description) <= 100
    assert header[5] in ("Accelerator: None", "Accelerator: GPU", "Accelerator: TPU")
    assert all(re.fullmatch(r"[^:]+: \d{4}/\d\d/\d\d", line) for line in header[2:4])
    assert not re.search(r'^""".+"""$| $|//arxiv\.org/pdf/|^[%!]', text, re.M)
    assert len(text.splitlines()) <= 300


def test_guide_runs(monkeypatch, capsys):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    source = GUIDE.read_text("utf-8").replace("EPOCHS = 30", "EPOCHS = 1")
    source = source.replace("mixers.items()", "list(mixers.items())[-1:]")
    exec(compile(source, GUIDE.name, "exec"), {"__name__": "guide"})
    said = capsys.readouterr().out
    assert "30% of the training labels are wrong" in said
    assert re.search(r"difference of a label from the count: (0|\de-\d\d)$", said, re.M)
    assert "Two runs are equal:   True" in said
    assert "Two epochs are equal: False" in said
