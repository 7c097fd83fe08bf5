"""Pooled memory, in processes of their own: TensorFlow chooses its allocator once."""

import pytest
from fresh import output_of

pytestmark = pytest.mark.slow

POOLED = "TF_CPU_ALLOCATOR_USE_BFC"

CALLED_EARLY = """
import json, os
import keras
import keras_mix
from keras_mix.data import _pool_memory

keras_mix.data.pool_memory()
keras_mix.data.pool_memory()
from keras_mix._core import tf_compat
created = tf_compat.has_devices()
keras_mix.layers.MixUp()
keras_mix.data.pool_memory()
limit = int(os.environ[_pool_memory.LIMIT])
print(json.dumps({"created": created, "pooled": _pool_memory.is_pooled(), "limit": limit}))
"""

CALLED_LATE = """
import json, os
import keras_mix
from keras_mix.data import _pool_memory

keras_mix.layers.MixUp()
try:
    keras_mix.data.pool_memory()
    said = ""
except RuntimeError as error:
    said = str(error)
left = os.environ.get(_pool_memory.POOLED, "")
print(json.dumps({"said": said, "pooled": _pool_memory.is_pooled(), "left": left}))
"""


COMMAND = """
import json, os
from keras_mix import cli

status = cli.main(["evaluate", "missing.keras", "digits"])
from keras_mix.data import _pool_memory
print(json.dumps({"status": status, "pooled": _pool_memory.is_pooled()}))
"""


def test_it_sets_what_tensorflow_reads_and_creates_no_devices():
    found = output_of(CALLED_EARLY, TF_CPU_ALLOCATOR_USE_BFC="")
    assert found["pooled"]
    assert not found["created"]
    assert found["limit"] >= 1 << 16


def test_a_limit_of_the_users_stays():
    assert output_of(CALLED_EARLY, TF_CPU_BFC_MEM_LIMIT_IN_MB="70000")["limit"] == 70000


def test_too_late_it_says_so_and_changes_nothing():
    found = output_of(CALLED_LATE)
    assert found["said"].startswith("pool_memory: it must be called before TensorFlow's first op")
    assert found["said"].endswith("or start the process with TF_CPU_ALLOCATOR_USE_BFC=1.")
    assert (found["pooled"], found["left"]) == (False, "")


def test_a_process_that_began_with_a_pool_has_one():
    assert output_of(CALLED_LATE, TF_CPU_ALLOCATOR_USE_BFC="1") == {
        "said": "",
        "pooled": True,
        "left": "1",
    }


def test_the_command_pools_unless_the_environment_chooses():
    pooled = output_of(f"import os; del os.environ['{POOLED}']\n{COMMAND}", **{POOLED: ""})
    assert pooled == {"status": 2, "pooled": True}
    assert output_of(COMMAND, **{POOLED: "0"}) == {"status": 2, "pooled": False}
