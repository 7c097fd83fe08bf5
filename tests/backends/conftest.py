"""What the tests of every backend share: fast compilation and exact products.

Steps are few here, so that compiling quickly is worth more than running quickly. On a GPU, float32
products have factors of 10 bits (TF32) by default: all of JAX's, and PyTorch's convolutions. The
oracles' have 23.
"""

import os
import pathlib

if os.environ.get("KERAS_BACKEND") == "jax":
    # Environment variables reach the processes that tests start as well. TensorFlow's XLA reads
    # its flags too, and serves other tests of the same process.
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
    os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
    # One compilation of a program serves all processes of a run, and the next run.
    root = pathlib.Path(__file__).parents[2]
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(root / "build" / "jax-cache"))
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
elif os.environ.get("KERAS_BACKEND") == "torch":
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
