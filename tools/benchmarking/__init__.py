"""The parts of tools/benchmark.py: workloads, timing and reports."""
