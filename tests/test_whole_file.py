"""Files that appear whole or not at all."""

import errno
import os
import time

import pytest

from keras_mix._core import atomic_file


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_makes_folders_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "made" / "here" / "file"
    for content in (b"old", b"new"):
        atomic_file.write(path, content)
        assert path.read_bytes() == content
    assert names(path.parent) == ["file"]
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [full, KeyboardInterrupt])
def test_what_was_there_stays_when_writing_stops_in_its_middle(tmp_path, monkeypatch, step, error):
    def stop(*_):
        raise error if error is KeyboardInterrupt else error()

    path = tmp_path / "file"
    atomic_file.write(path, b"old")
    monkeypatch.setattr(os, step, stop)
    with pytest.raises((OSError, KeyboardInterrupt)) as caught:
        atomic_file.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
    if error is full:
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))


def test_links_and_devices_stay_what_they_are(tmp_path):
    atomic_file.write(tmp_path / "file", b"old")
    (tmp_path / "link").symlink_to("file")
    atomic_file.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    atomic_file.write(os.devnull, b"new")
    assert not os.path.isfile(os.devnull)


def test_only_old_drafts_are_swept(tmp_path):
    for name in (".old.draft", ".young.draft", "own.draft", "file"):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / ".old.draft", (time.time() - 100_000,) * 2)
    atomic_file.sweep(tmp_path)
    assert names(tmp_path) == [".young.draft", "file", "own.draft"]
    atomic_file.sweep(tmp_path, age=0)
    assert names(tmp_path) == ["file", "own.draft"]
    atomic_file.sweep(tmp_path / "missing")
