"""Fits what setup.cfg declares to the environment, and the README to a package index.

An index shows the README far from the files that it links to, so its relative links become links
to the files of the version's tag. Of the requirements, no marker can ask what is installed, and pip
would rather replace an installed TensorFlow than take an older tf-keras:

- tf-keras 2.X requires tensorflow 2.X. Where TensorFlow 2.19 is installed, pip would take the
  newest tf-keras and, for its sake, a newer TensorFlow. So ask for the tf-keras that fits.
- tensorflow-cpu, tf-nightly and their like bring the same package under another name. pip would
  install tensorflow over them. So ask neither for it nor for tf-keras, which requires it;
  keras_mix says at the first draw how to add tf-keras alone.

pip runs this script with the interpreter it installs for, in an isolated build too. Tools that
build elsewhere find no TensorFlow, and get the requirements as they stand; so do the users of a
wheel, whose requirements are those of the environment that built it.
"""

import re
import sysconfig
from importlib import metadata
from pathlib import Path

import setuptools

# A requirement that only the distribution named tensorflow can meet.
TENSORFLOW = re.compile(r"(tensorflow|tf-keras)(?![\w.-])")

# Code, which stays as it is, and what stands before a relative target in Markdown or HTML.
RELATIVE = re.compile(
    r"""(?P<code>^```.*?^```|`[^`\n]*`)
    |((?P<picture>!\[[^\]]*\]\(|\bsrc(set)?=")|\]\(|^\[[^\]]+\]:[ ]|\bhref=")(?![a-z]+:|[#/])""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def fitted(requirements, site_packages):
    """Return the requirements that leave the TensorFlow in these folders as it is.

    Args:
        requirements: list of str, as setup.cfg declares them.
        site_packages: list of str, the folders that packages are installed to.
    """
    tensorflow = next(iter(metadata.distributions(name="tensorflow", path=site_packages)), None)
    if tensorflow:
        major, minor = tensorflow.version.split(".")[:2]
        return [*requirements, f"tf-keras=={major}.{minor}.*"]
    if any(Path(folder, "tensorflow", "__init__.py").exists() for folder in site_packages):
        return [line for line in requirements if not TENSORFLOW.match(line)]
    return requirements


def absolute(text, source, tag):
    """Return a README whose relative links and pictures lead to the files of a tag.

    Args:
        text: str, Markdown.
        source: str, the address of the repository on GitHub.
        tag: str.
    """

    def with_address(match):
        kind = "raw" if match["picture"] else "blob"
        return match[0] if match["code"] else f"{match[0]}{source}/{kind}/{tag}/"

    return RELATIVE.sub(with_address, text)


class Distribution(setuptools.Distribution):
    """A distribution that fits the running interpreter's environment, and an index."""

    def parse_config_files(self, *args, **kwargs):
        """Read setup.cfg, then fit what it requires and describes."""
        super().parse_config_files(*args, **kwargs)
        meta = self.metadata
        source = meta.project_urls["Source"]
        meta.long_description = absolute(meta.long_description, source, f"v{meta.version}")
        site_packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        self.install_requires = fitted(self.install_requires, site_packages)
        self.metadata.install_requires = self.install_requires


if __name__ == "__main__":
    setuptools.setup(distclass=Distribution)
