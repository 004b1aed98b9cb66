"""Where a folder store lies, and the messages about folders that are none."""

import os
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.lake.folder import FOLDERS, put_if_absent


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
        ({"redraft.json": '{"layo'}, r"redraft.json is damaged: bring the folder back"),
        ({"redraft.json": '{"layout": 1}'}, r"log is missing: bring the folder back"),
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


def test_a_file_is_put_once(tmp_path: Path) -> None:
    assert put_if_absent(tmp_path / "1.json", b"first")
    assert not put_if_absent(tmp_path / "1.json", b"second")
    assert (tmp_path / "1.json").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["1.json"]
