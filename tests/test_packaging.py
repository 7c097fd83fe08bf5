"""What an installed keras_mix says of itself, imports and requires."""

import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import keras_mix

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DECLARED = ["tensorflow>=2.18", "tensorflow-probability>=0.25", "tf-keras>=2.18", "numpy>=1.26"]
ONLY_WHEN_USED = {"PIL", "jinja2", "matplotlib", "rich", "sklearn", "tensorflow_probability"}


def fitted(folder):
    return runpy.run_path(str(ROOT / "setup.py"))["fitted"](DECLARED, [str(folder)])


def install_tensorflow(folder, name, version):
    """Lays out what a TensorFlow distribution of this name leaves in site-packages."""
    (folder / "tensorflow").mkdir()
    (folder / "tensorflow" / "__init__.py").touch()
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def imported_by(statement):
    """The top-level modules that a fresh interpreter has loaded after the statement."""
    script = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", script]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_version_of_the_metadata_is_that_of_the_package():
    assert metadata.version("keras-mix") == keras_mix.__version__


def test_types_are_marked_as_shipped():
    assert Path(keras_mix.__file__).with_name("py.typed").exists()


def test_importing_the_package_loads_no_tensorflow():
    assert not imported_by("import keras_mix") & {"keras", "tensorflow", *ONLY_WHEN_USED}


def test_importing_the_layers_loads_nothing_that_only_some_use_needs():
    # Keras itself loads whatever it finds of matplotlib and its like.
    brought = imported_by("import keras, keras_mix.layers") - imported_by("import keras")
    assert not brought & ONLY_WHEN_USED


def test_without_tensorflow_requirements_stand_as_declared(tmp_path):
    assert fitted(tmp_path) == DECLARED


def test_tf_keras_is_bound_to_the_installed_tensorflow(tmp_path):
    install_tensorflow(tmp_path, "tensorflow", "2.19.1")
    assert fitted(tmp_path) == [*DECLARED, "tf-keras==2.19.*"]


@pytest.mark.parametrize("name", ["tensorflow_cpu", "tf_nightly", "intel_tensorflow"])
def test_another_build_of_tensorflow_is_left_in_place(tmp_path, name):
    install_tensorflow(tmp_path, name, "2.21.0")
    assert fitted(tmp_path) == ["tensorflow-probability>=0.25", "numpy>=1.26"]


def test_tensorflow_beside_another_build_counts_as_tensorflow(tmp_path):
    install_tensorflow(tmp_path, "tensorflow", "2.18.0")
    (tmp_path / "tensorflow_cpu-2.18.0.dist-info").mkdir()
    assert fitted(tmp_path) == [*DECLARED, "tf-keras==2.18.*"]
