"""Throw-away environments to install the package into."""

import json
import os
import shutil
import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = "Scripts" if os.name == "nt" else "bin"


class Failure(Exception):
    """A check that failed."""


class Environment:
    """A virtual environment in a folder of its own, in which its programs run."""

    def __init__(self, folder):
        self.folder = Path(folder)
        venv.create(self.folder / "venv", with_pip=True)

    def run(self, program, *arguments, folder=None):
        """Runs a program of the environment, which must succeed; returns what it printed.

        Args:
            program: str, the name of a script of the environment.
            *arguments: Strings or paths.
            folder: path, the working folder. Defaults to the environment's own.
        """
        command = [self.folder / "venv" / PROGRAMS / program, *arguments]
        # PYTHONPATH could bring a checkout, and KERAS_BACKEND a backend that is not installed.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KERAS"))}
        done = subprocess.run(
            command, cwd=folder or self.folder, env=kept, capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise Failure(f"{program} exited with {done.returncode}:\n{said[-6000:]}")
        return done.stdout

    def install(self, *requirements):
        """Installs by pip."""
        self.run("python", "-m", "pip", "install", "--quiet", *requirements)

    def plan(self, *requirements):
        """Returns what pip would install, as {name: minor version}."""
        report = self.folder / "report.json"
        self.install("--dry-run", "--report", report, *requirements)
        chosen = [entry["metadata"] for entry in json.loads(report.read_text())["install"]]
        return {
            entry["name"].lower().replace("_", "-"): ".".join(entry["version"].split(".")[:2])
            for entry in chosen
        }

    def use(self):
        """Mixes, trains, saves, and loads in a new process."""
        for script in ("first_use.py", "later_use.py"):
            self.run("python", Path(__file__).with_name(script))


def copied_sources(folder):
    """Copies the checkout without what git ignores; returns the copy.

    It keeps pip's build folders out of the checkout, and the checkout's out of the build.
    """
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    for name in filter(None, names.stdout.split("\0")):
        if (ROOT / name).is_file():  # not one that was deleted and is still in the index
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy)
    return Path(folder)


def run_checks(checks):
    """Runs checks, each with a temporary folder; prints a line for each.

    Args:
        checks: Dict from the name of a check to a function of a folder that raises Failure.

    Returns:
        int, the exit code: 1 if a check failed.
    """
    failed = 0
    for name, check in checks.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Path(folder))
            except Failure as failure:
                failed += 1
                print(f"FAILED  {name}: {failure}", flush=True)
            else:
                print(f"ok      {name}", flush=True)
    return 1 if failed else 0
