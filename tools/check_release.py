"""Builds a release into dist, and checks that it can be installed and used.

    python tools/check_release.py               # some ten minutes
    python tools/check_release.py --tag v0.1.0  # also that the changelog is dated and the tag right

The source archive has what git tracks, and the wheel is built from it: both are compared with the
checkout, installed into throw-away environments, and used there. Prints a line for each check, and
exits with 1 if one fails. It needs only Python and git, and the environments have the version of
Python that runs it.
"""

import argparse
import configparser
import datetime
import email
import functools
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile

from installation.environment import ROOT, Environment, Failure, copied_sources, run_checks

DIST = ROOT / "dist"
# Of what git tracks, what serves only the repository.
REPOSITORY_ONLY = (".ci/", ".gitignore", ".pre-commit-config.yaml")
MOST_NAMES = 10


def build(folder):
    """Builds both archives, the wheel from the source archive."""
    shutil.rmtree(DIST, ignore_errors=True)
    environment = Environment(folder)
    environment.install("build", "twine")
    environment.run("python", "-m", "build", "--outdir", DIST, copied_sources(folder / "package"))
    environment.run("twine", "check", "--strict", *archives())


def archives():
    """Returns the paths of the source archive and of the wheel."""
    found = [*DIST.glob("*.tar.gz"), *DIST.glob("*.whl")]
    if [path.suffix for path in found] != [".gz", ".whl"]:
        raise Failure(f"{DIST} must hold one source archive and one wheel, not {found}")
    return found


def check_contents(folder):
    """Both archives hold what git tracks of them, and nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    )
    tracked = {name for name in listed.stdout.split("\0") if name}
    source, wheel = archives()
    with tarfile.open(source) as archive:
        files = (member.name for member in archive if member.isfile())
        names = {name.partition("/")[2] for name in files}
    generated = {name for name in names if name == "PKG-INFO" or ".egg-info/" in name}
    kept = {name for name in tracked if not name.startswith(REPOSITORY_ONLY)}
    refuse_difference(source.name, names - generated, kept)

    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        if not any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist()):
            raise Failure(f"{wheel.name} lacks the LICENSE")
    kept = {name for name in tracked if name.startswith("keras_mix/")}
    refuse_difference(wheel.name, names, kept)
    needed = {"keras_mix/py.typed", "keras_mix/evaluate/report.html"}
    if needed - names:
        raise Failure(f"{wheel.name} lacks {sorted(needed - names)}")


def refuse_difference(archive, names, tracked):
    """Fails if an archive lacks a file that git tracks, or holds another."""
    for what, some in ("lacks", tracked - names), ("holds the untracked", names - tracked):
        if some:
            raise Failure(f"{archive} {what} {sorted(some)[:MOST_NAMES]}, {len(some)} files")


def check_metadata(folder, tag):
    """Version, requirements and description are those of the sources, and fit an index."""
    with zipfile.ZipFile(archives()[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(archive.read(name).decode("utf-8"))
    check_version(metadata["Version"], tag)
    declared = setup_cfg()["options"]["install_requires"].splitlines()
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    if {*map(spaceless, required)} != {*map(spaceless, filter(None, declared))}:
        raise Failure(f"The wheel does not require what setup.cfg declares: {required}")
    described = metadata.get_payload()
    if runpy.run_path(str(ROOT / "setup.py"))["absolute"](described, "", "") != described:
        raise Failure("The description has relative links, which lead nowhere on an index")


def check_version(version, tag):
    """The package, the changelog and the tag, if there is one, have the version of the wheel."""
    package = (ROOT / "keras_mix" / "__init__.py").read_text("utf-8")
    if f'__version__ = "{version}"' not in package:
        raise Failure(f"keras_mix.__version__ is not {version}, as in the wheel")
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    if f"\nversion: {version}\n" not in citation:
        raise Failure(f"CITATION.cff must have the version {version}")
    entry = re.search(r"^## (.+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    if not entry or entry[1] != version:
        raise Failure(f"The top entry of CHANGELOG.md is not that of {version}")
    if tag and tag != f"v{version}":
        raise Failure(f"The tag of version {version} is v{version}, not {tag}")
    if tag and not is_date(entry[2]):
        raise Failure(f"CHANGELOG.md needs the date of {version}, not ({entry[2]})")


def is_date(text):
    """Whether a text is a day of the calendar, such as 2026-02-28."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def spaceless(requirement):
    """Returns a requirement in the form that setup.cfg and a wheel share."""
    return re.sub(r"\s", "", requirement).replace("'", '"')


def setup_cfg():
    """Returns what setup.cfg declares."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def check_extras(folder):
    """All extras resolve, together."""
    extras = ",".join(setup_cfg()["options.extras_require"])
    Environment(folder).plan(f"{archives()[1]}[{extras}]")


def check_use(folder, archive):
    """An archive installs with its extra `evaluate`; the package and the command line work."""
    environment = Environment(folder)
    environment.install(f"{archives()[archive]}[evaluate]")
    environment.use()
    version = environment.run("keras-mix", "--version").strip()
    if version.split()[-1] not in archives()[archive].name:
        raise Failure(f"keras-mix --version says {version}")
    environment.run("keras-mix", "preview", "--mixers", "none,mixup,cutmix", "--output", "p.png")
    if not (folder / "p.png").read_bytes().startswith(b"\x89PNG"):
        raise Failure("keras-mix preview wrote no PNG")


def check_tests(folder):
    """Whoever has the source archive can run the quick tests."""
    source = archives()[0]
    shutil.unpack_archive(source, folder)
    (unpacked,) = folder.glob("keras_mix-*")
    environment = Environment(folder)
    environment.install(f"{unpacked}[dev]")
    quick = ["-n", "2", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    environment.run("python", "-m", "pytest", *quick, folder=unpacked)


def main():
    """Runs all checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tag", help="the tag of the release, such as v0.1.0")
    tag = parser.parse_args().tag
    return run_checks(
        {
            "both archives are built, and twine has nothing to say": build,
            "they hold what git tracks": check_contents,
            "version, requirements and description": functools.partial(check_metadata, tag=tag),
            "every extra resolves": check_extras,
            "the wheel works": functools.partial(check_use, archive=1),
            "the source archive works": functools.partial(check_use, archive=0),
            "the source archive passes its quick tests": check_tests,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
