"""Scripts in a Python process of their own, which has imported nothing before, or in this one."""

import contextlib
import io
import json
import os
import subprocess
import sys
from unittest import mock


def output_of(script, *arguments, **environment):
    """What a script prints as JSON on its last line."""
    run = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def output_here(script, *arguments):
    """What a script prints as JSON on its last line, in this process: nothing is imported anew."""
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        mock.patch.object(sys, "argv", ["-c", *map(str, arguments)]),
    ):
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
    return json.loads(printed.getvalue().splitlines()[-1])
