"""The files of journals: which run holds which file, what it has claimed, and what a killed run left."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.store import journal_files
from redraft.store.calls import Call
from redraft.store.errors import JournalBusy, StoreError
from redraft.store.journal_files import Claim
from redraft.store.json_records import call_to_json


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "journal"
    folder.mkdir()
    return folder / "r.jsonl"


@pytest.fixture
def holds() -> Iterator[Callable[[Path, Claim | None], int]]:
    """Makes a file that is held until the test ends, with the claim in it."""
    opened: list[int] = []

    def hold(path: Path, claim: Claim | None = None) -> int:
        _, file = journal_files.create(path)
        if claim is not None:
            journal_files.write(file, claim.line())
        opened.append(file)
        return file

    yield hold
    for file in opened:
        os.close(file)


Hold = Callable[..., int]


def test_a_folder_is_made_for_the_lock_and_leaves_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with journal_files.lock_folder(folder):
        assert os.listdir(folder) == ["lock"]
    assert not folder.exists()
    with journal_files.lock_folder(folder):
        (folder / "r.jsonl").touch()
    assert sorted(os.listdir(folder)) == ["lock", "r.jsonl"]


def test_one_at_a_time_has_the_lock_even_if_the_folder_goes_meanwhile(tmp_path: Path) -> None:
    folder, inside, most = tmp_path / "journal", [], []

    def enter() -> None:
        for _ in range(10):
            with journal_files.lock_folder(folder):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 40
    assert not folder.exists()


def test_the_first_run_has_the_recipes_own_file_and_others_stand_beside_it(path: Path, holds: Hold) -> None:
    assert journal_files.run_files(path) == []
    holds(path)
    assert journal_files.run_files(path) == [path]
    beside, file = journal_files.create(path)
    os.close(file)
    (path.parent / "other.jsonl").touch()
    assert beside.name.startswith("r.")
    assert beside.suffix == ".jsonl"
    assert journal_files.run_files(path) == [path, beside]
    path.unlink()
    assert journal_files.run_files(path) == [beside]


def test_a_file_is_held_until_it_is_closed(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        journal_files.lock_if_free(path)
    assert not journal_files.is_locked(path)
    _, file = journal_files.create(path)
    assert journal_files.is_locked(path)
    assert journal_files.lock_if_free(path) is None
    os.close(file)
    assert not journal_files.is_locked(path)
    again = journal_files.lock_if_free(path)
    assert again is not None
    journal_files.write(again, b"one\n")
    journal_files.write(again, b"two\n")
    os.close(again)
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("units", [{"b", "a"}, set(), None])
def test_the_last_claim_of_a_file_counts(path: Path, holds: Hold, units: set[str] | None) -> None:
    file = holds(path, Claim(7, {"z"}))
    journal_files.write(file, journal_files.json_line({"call": {}, "choices": []}))
    journal_files.write(file, Claim(8, units).line())
    journal_files.write(file, journal_files.json_line({"forget": ["a"]}))
    assert journal_files.read_claim(path) == Claim(8, units)


def test_a_run_of_an_older_build_claims_every_unit_and_one_that_ended_none(path: Path) -> None:
    path.write_bytes(b'{"call": 1}\n')
    assert journal_files.read_claim(path) == Claim(None, None)
    path.unlink()
    assert journal_files.read_claim(path) == Claim(None, set())


@pytest.mark.parametrize(
    ("claimed", "wanted", "shared"),
    [({"a", "b"}, ["b", "c"], 1), ({"a"}, ["b"], 0), (set(), ["b"], 0), (None, ["b"], None), ({"a"}, None, None)],
)
def test_units_that_two_runs_share_are_counted(claimed: set | None, wanted: list | None, shared: int | None) -> None:
    assert Claim(1, claimed).count_shared(wanted) == shared


@pytest.mark.parametrize(
    ("claim", "wanted", "message"),
    [
        (Claim(os.getpid(), {"a", "b"}), ["a", "b", "c"],
         "another run of the same recipe (in this process) is at work on 2 of these 3 problems: wait until it has"
         " ended, or end it"),
        (Claim(1, None), ["a"],
         "{path} is held by another run of the same recipe (process 1): wait until it has ended, or end it"),
        (Claim(None, {"a"}), None,
         "{path} is held by another run of the same recipe: wait until it has ended, or end it"),
    ],
)  # fmt: skip
def test_who_meets_a_claim_is_told_of_it(
    path: Path, holds: Hold, claim: Claim, wanted: list[str] | None, message: str
) -> None:
    holds(path, claim)
    with pytest.raises(JournalBusy) as caught:
        journal_files.check_claim(path, wanted)
    assert str(caught.value) == message.format(path=path)


def test_a_claim_on_other_units_disturbs_nobody(path: Path, holds: Hold) -> None:
    holds(path, Claim(1, {"a"}))
    journal_files.check_claim(path, ["b"])
    journal_files.check_claim(path, [])


def entry(call: Call, **facts: object) -> bytes:
    return journal_files.json_line({"call": call_to_json(call), "choices": [{"text": "a"}], **facts})


def test_what_is_pending_is_by_unit_without_what_was_forgotten(path: Path, make_call: Callable[..., Call]) -> None:
    lines = [entry(make_call("u", 0), prompt={"messages": []}), entry(make_call("v", 0)), entry(make_call("u", 1))]
    path.write_bytes(b"".join([Claim(1, {"u"}).line(), *lines, b'{"forget":["v","none"]}\n', b'{"call":{"half']))
    file = os.open(path, os.O_RDWR)
    found = journal_files.read_pending(path, file)
    os.close(file)
    assert found.keys() == {"u"}
    assert [(each.call.first, each.choices, each.prompt, each.size) for each in found["u"]] == [
        (0, [{"text": "a"}], {"messages": []}, len(lines[0])), (1, [{"text": "a"}], None, len(lines[2])),
    ]  # fmt: skip
    assert path.read_bytes().endswith(b'"none"]}\n'), "the last line, which is not whole, is cut off"


CALL = """{"call": {"call_id": "c", "unit": "u", "problem_id": "p", "purpose": "propose", "place": "u/", "first": 0,
"n": 1, "model": "m", "prompt_hash": "h", "params": {}}, "choices": %s}""".replace("\n", " ")


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "3", '{"call": {"unit": "u"}, "choices": []}', '{"call": {}}', "[]", '["call"]', '"call"',
        '{"forget": 3}', CALL % '[3]', CALL % '[{"text": 3}]', CALL % '[{"logprobs": [[1]]}]',
        CALL % '[], "prompt": []', CALL.replace('"first": 0', '"first": "0"') % "[]",
        CALL.replace('"n": 1', '"n": 1, "latency_ms": "[{"') % "[]",
        pytest.param("[" * 5000, id="nested"), pytest.param('{"a":' * 5000, id="nested objects"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_of_a_journal_is_named(path: Path, text: str) -> None:
    path.write_text(f'{{"pid":1}}\n{text}\n')
    with pytest.raises(StoreError, match=r"r\.jsonl, line 2, is no line of a journal: delete that line$"):
        journal_files.read_pending(path, -1)


def test_only_a_whole_line_with_a_choice_is_an_answer(path: Path, make_call: Callable[..., Call]) -> None:
    assert not journal_files.has_answer(path)
    failed = journal_files.json_line({"call": call_to_json(make_call("u", error="timeout")), "choices": []})
    path.write_bytes(Claim(1, {"u"}).line() + failed + entry(make_call("u"))[:-1])
    assert not journal_files.has_answer(path)
    path.write_bytes(failed + entry(make_call("u")))
    assert journal_files.has_answer(path)


def test_a_folder_of_journals_is_cleared_if_nothing_would_be_lost(path: Path, make_call: Callable[..., Call]) -> None:
    folder = path.parent
    path.write_bytes(Claim(1, {"u"}).line())
    os.close(journal_files.create(path)[1])
    assert journal_files.remove_unanswered(folder)
    assert not folder.exists()
    assert journal_files.remove_unanswered(folder), "a folder that is not there is clear"
    folder.mkdir()
    for name, data in {"r.jsonl": entry(make_call("u")), "notes.txt": b""}.items():
        (folder / name).write_bytes(data)
        assert not journal_files.remove_unanswered(folder)
        (folder / name).unlink()
    _, file = journal_files.create(path)
    assert not journal_files.remove_unanswered(folder), "a run is at work"
    os.close(file)
    assert journal_files.remove_unanswered(folder)
