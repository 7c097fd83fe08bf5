"""What a release says of itself is true: versions, badges, links, and where it claims to run."""

import ast
import configparser
import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import check_release
import pytest
import yaml

import keras_mix

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SOURCE = "https://github.com/keras-mix/keras_mix"
# What Python has on POSIX alone, of what a package like this might use.
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"}
POSIX_NAMES = {
    *("fork", "forkpty", "getuid", "geteuid", "kill", "killpg", "mkfifo", "nice", "setsid"),
    *("sched_getaffinity", "statvfs", "uname", "wait"),
    *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2"),
}


def setup_cfg():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def pythons():
    """The versions of Python that the classifiers name."""
    return re.findall(r"Python :: (3\.\d+)", setup_cfg()["metadata"]["classifiers"])


def absolute(text):
    return runpy.run_path(str(ROOT / "setup.py"))["absolute"](text, "https://g.org/x", "v1")


def test_the_lowest_python_is_the_first_that_the_classifiers_name():
    assert setup_cfg()["options"]["python_requires"] == f">={pythons()[0]}"


def test_the_quick_tests_run_on_three_systems_with_the_pythons_of_the_classifiers():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))["jobs"]
    quick = jobs["quick"]
    assert quick["strategy"]["matrix"] == {
        "os": ["ubuntu-latest", "macos-latest", "windows-latest"],
        "python": pythons(),
    }
    assert quick["runs-on"] == "${{ matrix.os }}"
    versions = [s["with"]["python-version"] for s in quick["steps"] if "setup-python" in str(s)]
    assert versions == ["${{ matrix.python }}"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_use_a_python_of_the_classifiers_and_few_rights(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    versions = [str(s["with"]["python-version"]) for s in steps if "setup-python" in str(s)]
    assert set(versions) <= {*pythons(), "${{ matrix.python }}"}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake ([\w-]+)", " ".join(s.get("run", "") for s in steps)):
        assert re.search(rf"^{target}:", makefile, re.M)
    for test in re.findall(r"tests/\w+\.py", path.read_text("utf-8")):
        assert (ROOT / test).exists()


def test_only_a_tag_is_released():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true
    publish = workflow["jobs"]["publish"]
    assert publish["needs"] == "check"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"


def test_what_was_not_checked_is_neither_published_nor_announced():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "check": None,
        "publish": "check",
        "announce": "publish",
    }
    assert any("make release-check" in step.get("run", "") for step in jobs["check"]["steps"])
    assert not any("if" in job for job in jobs.values())
    assert not any("continue-on-error" in part for part in steps_and_jobs(jobs))


def steps_and_jobs(jobs):
    return [*jobs.values(), *(step for job in jobs.values() for step in job["steps"])]


@pytest.fixture
def release(tmp_path, monkeypatch):
    """Writes what a release says of its version, with the text in the changelog's parentheses."""

    def write(date):
        (tmp_path / "keras_mix").mkdir()
        (tmp_path / "keras_mix/__init__.py").write_text('__version__ = "1.2.3"\n', "utf-8")
        (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.3\n", "utf-8")
        (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## 1.2.3 ({date})\n", "utf-8")

    monkeypatch.setattr(check_release, "ROOT", tmp_path)
    return write


def test_a_release_has_the_date_of_a_day(release):
    release("2026-02-28")
    check_release.check_version("1.2.3", "v1.2.3")
    with pytest.raises(check_release.Failure, match="tag of version"):
        check_release.check_version("1.2.3", "v1.2.4")


@pytest.mark.parametrize(
    "date", ["2026-99-99", "2026-02-30", "20260228", "2026-W09-6", "unreleased"]
)
def test_a_release_without_the_date_of_a_day_is_refused(release, date):
    release(date)
    check_release.check_version("1.2.3", None)
    with pytest.raises(check_release.Failure, match="needs the date"):
        check_release.check_version("1.2.3", "v1.2.3")


def claim(badge):
    """What a badge says; of shields.io's, the label and the message, without the color."""
    text = unquote(badge).removesuffix(".svg")
    return re.sub(r"https://img\.shields\.io/badge/(.+)-\w+$", r"\1", text)


def false_badges(text):
    """The badges of a page that claim what the repository does not say."""
    declared = setup_cfg()
    bounds = re.findall(r"^(\w+)>=([\d.]+)$", declared["options"]["install_requires"], re.M)
    true = {
        f"python-{' | '.join(pythons())}",
        f"license-{declared['metadata']['license_expression'].replace('-', '--')}",
        *(f"{name}-≥ {version}" for name, version in bounds),
        *(f"{SOURCE}/actions/workflows/{path.name}/badge" for path in WORKFLOWS),
    }
    badges = re.findall(r"https://img\.shields\.io/[^)\s\"]*|https:[^)\s\"]*/badge\.svg", text)
    return [badge for badge in badges if claim(badge) not in true]


def test_badges_of_the_readme_are_true():
    assert false_badges(README) == []
    assert false_badges("![](https://img.shields.io/badge/keras-%E2%89%A5%203.1-red.svg)") != []
    assert false_badges(f"[![Tests]({SOURCE}/actions/workflows/test.yml/badge.svg)](x)") == []
    assert false_badges(f"[![Tests]({SOURCE}/actions/workflows/none.yml/badge.svg)](x)") != []


def test_citation_has_the_version_and_the_license():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(citation["version"]) == keras_mix.__version__
    assert citation["license"] == setup_cfg()["metadata"]["license_expression"]
    assert citation["repository-code"] == SOURCE


def test_relative_links_become_those_of_the_tag():
    text = (
        '[a](b.md) [`c`](d.md#e) ![f `g`](h.jpg) <img src="i.svg"> [![j](k.svg)](l.md)\n[m]: n.md\n'
    )
    assert absolute(text) == (
        "[a](https://g.org/x/blob/v1/b.md) [`c`](https://g.org/x/blob/v1/d.md#e) "
        '![f `g`](https://g.org/x/raw/v1/h.jpg) <img src="https://g.org/x/raw/v1/i.svg"> '
        "[![j](https://g.org/x/raw/v1/k.svg)](https://g.org/x/blob/v1/l.md)\n"
        "[m]: https://g.org/x/blob/v1/n.md\n"
    )


@pytest.mark.parametrize(
    "text", ["[a](https://b.org)", "[a](#b)", "`layers[0](x)`", "```python\nlayers[0](x)\n```\n"]
)
def test_what_is_no_relative_link_stays(text):
    assert absolute(text) == text


def test_relative_links_of_the_readme_lead_to_files():
    linked = re.findall(r"https://g\.org/x/(?:raw|blob)/v1/([^)\"#\s]+)", absolute(README))
    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []


def of_posix(source):
    """What a module uses that Windows does not have."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from {name.name for name in names} & POSIX_MODULES
            case ast.ImportFrom(module):
                yield from {module} & POSIX_MODULES
            case ast.Attribute(ast.Name("os" | "signal"), name):
                yield from {name} & POSIX_NAMES


def test_nothing_needs_posix():
    for path in (ROOT / "keras_mix").rglob("*.py"):
        assert [*of_posix(path.read_text("utf-8"))] == [], path
    source = "import fcntl\nfrom pwd import getpwnam\nos.fork()\nsignal.SIGKILL\nos.getpid()"
    assert {*of_posix(source)} == {"fcntl", "pwd", "fork", "SIGKILL"}
