"""Runs the command as `python -m keras_mix`."""

import sys

from keras_mix.cli import main

sys.exit(main())
