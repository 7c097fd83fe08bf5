"""Scripts in a Python process of their own, which has imported nothing before."""

import json
import os
import subprocess
import sys


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
