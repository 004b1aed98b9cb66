"""Where a folder store lies, and the messages about folders that are none."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.lake.folder import FOLDERS, alone, open_folder, put_if_absent, remove, use


def test_a_slash_or_an_empty_folder_makes_a_folder_store(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/", "empty"):
        with Store(f"{tmp_path}/{name}") as store:
            store.add([Problem("1 + 1?", "2")])
        path = tmp_path / name
        assert sorted(file.name for file in path.iterdir()) == sorted([*FOLDERS, "redraft.json"])
        assert Store(path, create=False).query("SELECT question FROM problems").rows == [("1 + 1?",)]
        assert Store(path).path == str(path)
    assert sorted(os.listdir(tmp_path)) == ["empty", "new"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"thesis.tex": ""}, r"lake is a folder, but no store of redraft's: name another, or an empty one"),
        ({"redraft.json": '{"layout": 2}'}, r"newer redraft \(layout 2; this one knows 1\): upgrade redraft"),
        ({"redraft.json": '{"layo'}, r"redraft.json is damaged: restore the folder"),
        ({"redraft.json": '{"layout": 1}'}, r"log is missing: restore the folder"),
    ],
)
def test_another_folder_is_refused_and_left_alone(tmp_path: Path, files: dict[str, str], says: str) -> None:
    folder = tmp_path / "lake"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(StoreError, match=says) as raised:
        Store(folder)
    assert "\n" not in str(raised.value)
    assert sorted(os.listdir(folder)) == sorted(files)


def test_what_can_not_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store in .*lake: run `redraft generate`"):
        Store(f"{tmp_path}/lake/", create=False)
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere'"):
        Store(f"{tmp_path}/nowhere/lake/")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file is a file: name it without a slash"):
        Store(f"{tmp_path}/file/")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("there", [True, False])
def test_a_new_folder_that_nobody_used_is_removed_and_an_empty_one_is_empty_again(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "lake").mkdir()
    store = Store(f"{tmp_path}/lake/")
    store.add([Problem("1 + 1?", "2")])
    store.end_run(store.start_run("generate", "r", "s", "m", {}), "failed")
    store.remove_if_unused()
    assert os.listdir(tmp_path) == (["lake"] if there else [])
    assert not there or os.listdir(tmp_path / "lake") == []
    assert Store(f"{tmp_path}/lake/").query("SELECT count(*) FROM problems").rows == [(0,)]


HOLDER = """
import sys
from redraft.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_new_folder_that_another_process_uses_stays(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/lake/")
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", HOLDER, store.path], stdin=pipe, stdout=pipe, text=True)
    assert other.stdout
    assert other.stdout.readline() == "ready\n"
    store.remove_if_unused()
    assert (tmp_path / "lake" / "redraft.json").exists()
    other.communicate()
    store.remove_if_unused()
    assert os.listdir(tmp_path) == []


def test_a_folder_stays_if_it_was_there_or_another_run_has_begun_in_it(tmp_path: Path) -> None:
    first = Store(f"{tmp_path}/lake/")
    second = Store(f"{tmp_path}/lake/")
    second.remove_if_unused()
    assert (tmp_path / "lake").exists()
    run = second.start_run("generate", "r", "s", "m", {})
    del second
    gc.collect()
    first.remove_if_unused()
    assert Store(f"{tmp_path}/lake").query("SELECT run_id FROM runs").rows == [(run,)]


def test_a_folder_that_is_removed_while_it_is_opened_is_made_anew(tmp_path: Path) -> None:
    """Whoever opens it waits for the end of the removal, and finds it gone."""
    folder, made = open_folder(str(tmp_path / "lake"), create=True)
    assert made
    first = use(folder)
    assert first is not None
    opened: list[int | None] = []
    opening = threading.Thread(target=lambda: opened.append(use(folder)))
    with alone(first) as is_alone:
        assert is_alone
        opening.start()
        remove(folder)
    opening.join()
    os.close(first)
    assert opened == [None]
    assert os.listdir(tmp_path) == []


def test_a_file_is_put_once(tmp_path: Path) -> None:
    assert put_if_absent(tmp_path / "1.json", b"first")
    assert not put_if_absent(tmp_path / "1.json", b"second")
    assert (tmp_path / "1.json").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["1.json"]
