"""The faults that tools/check_faults.py replays, by the letters of their numbers.

- A, wrong results without an error: saved_models.py (A1) and silent.py.
- B, slow work: speed.py.
- C, crashes, and messages that did not help: crashes.py.
- D, deviations from the authors' code: authors.py.
- E, TensorFlow's data service and XLA: engines.py.
"""
