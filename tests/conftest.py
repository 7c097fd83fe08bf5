"""What all tests share: how hypothesis searches, and a quiet TensorFlow."""

import os

import hypothesis

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# The first call of an op in a process is slow, so no try has a deadline. In CI the tries are
# the same each time: a failure there is one of the change, not of the dice.
hypothesis.settings.register_profile(
    "keras_mix", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("keras_mix")
