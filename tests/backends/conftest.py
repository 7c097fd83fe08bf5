"""What the tests of every backend share: a JAX that compiles fast, for the steps here are few."""

import os

# TensorFlow's XLA reads the flags too, and serves other tests of the same process.
if os.environ.get("KERAS_BACKEND") == "jax":
    os.environ["XLA_FLAGS"] = " ".join(
        [
            os.environ.get("XLA_FLAGS", ""),
            "--xla_backend_optimization_level=0",
            "--xla_llvm_disable_expensive_passes=true",
        ]
    )
