"""The parts of tools/benchmark.py: what runs, how it is timed, and how it is shown."""
