"""Files that several processes make at once."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.store.journal_files import is_locked
from redraft.store.leases.store_files import make_locked, present_time, put_if_absent, replace, touch, touched_at

RACE = """
import sys
from pathlib import Path
from redraft.store.leases.store_files import put_if_absent
folder, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
print(*(n for n in range(200) if put_if_absent(folder / str(n), name.encode() * 1000)))
"""


def test_of_several_processes_one_makes_the_file_and_nobody_sees_a_part_of_it(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, tmp_path / "folder", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    made = {name: racer.communicate()[0].split() for name, racer in zip("abc", racers, strict=True)}
    assert sorted(int(number) for numbers in made.values() for number in numbers) == list(range(200))
    for name, numbers in made.items():
        assert all((tmp_path / "folder" / number).read_bytes() == name.encode() * 1000 for number in numbers)
    assert len(os.listdir(tmp_path / "folder")) == 200


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert put_if_absent(tmp_path / "a", b"first")
    assert not put_if_absent(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


def test_any_other_error_is_raised_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="full"):
        put_if_absent(tmp_path / "a", b"first")
    assert os.listdir(tmp_path) == []


def test_the_time_is_that_of_the_file_system_and_never_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"")
    before = touch(file)
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("time.time_ns", lambda: 0)
    after = touch(file)
    assert before <= after == touched_at(file)
    assert present_time(tmp_path) >= after
    assert touched_at(tmp_path / "missing") is None
    with pytest.raises(FileNotFoundError):
        touch(tmp_path / "missing")
    assert os.listdir(tmp_path) == ["a"]


def test_a_replaced_file_is_whole_and_its_folder_is_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    replace(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "gone" / "a", b"new")


def test_a_locked_file_is_free_when_it_is_closed(tmp_path: Path) -> None:
    file = make_locked(tmp_path / "folder" / "a", b"facts")
    assert is_locked(tmp_path / "folder" / "a")
    os.close(file)
    assert not is_locked(tmp_path / "folder" / "a")
    assert (tmp_path / "folder" / "a").read_bytes() == b"facts"
