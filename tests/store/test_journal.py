import json
import math
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.store.calls import Call
from redraft.store.errors import JournalBusy, StoreError
from redraft.store.journal import COMPACT_AT, Journal
from redraft.store.json_records import call_to_json, exact

MakeCall = Callable[..., Call]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "redraft.duckdb.journal" / "recipe.jsonl"


def test_an_answered_call_is_found_by_place_and_sample(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u", 2, n=2), [{"text": "a"}, {"text": "b"}])
    assert journal.answer("u", "propose", "u/", 2, "h") == {"text": "a"}
    assert journal.answer("u", "propose", "u/", 3, "h") == {"text": "b"}
    for other in [("v", "propose", "u/", 2, "h"), ("u", "grade", "u/", 2, "h"), ("u", "propose", "u/0", 2, "h"),
                  ("u", "propose", "u/", 4, "h"), ("u", "propose", "u/", 2, "other")]:  # fmt: skip
        assert journal.answer(*other) is None


def test_what_was_recorded_is_there_again_exactly(path: Path, make_call: MakeCall) -> None:
    answered = make_call("u", 0, params={"stop": ["\n"], "t": math.inf}, cost_usd=0.1 + 0.2)
    failed = make_call("u", 1, error="timeout")
    choice = {"text": "\u00e9 \x00 \ud800 \u2028", "logprobs": [-math.inf, 1 / 3]}
    journal = Journal(path)
    journal.record(answered, [choice])
    journal.record(failed, [])
    journal.close()
    again = Journal(path)
    assert again.calls("u") == [(answered, [choice]), (failed, [])]
    assert again.answer("u", "propose", "u/", 0, "h") == choice
    assert again.units() == ["u"]


def test_a_torn_last_line_is_cut_off(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u", 0), [{"text": "a"}])
    journal.close()
    whole = path.read_bytes()
    torn = exact({"call": call_to_json(make_call("u", 1)), "choices": [{"text": "b"}]}).encode() + b"\n"
    for length in (1, len(torn) // 2, len(torn) - 1):
        path.write_bytes(whole + torn[:length])
        again = Journal(path)
        assert [call.first for call, _ in again.calls("u")] == [0]
        again.record(make_call("u", 2), [{"text": "c"}])
        again.close()
        last = Journal(path)
        assert [call.first for call, _ in last.calls("u")] == [0, 2]
        last.close()


def test_a_broken_line_in_the_middle_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"pid": 1}\nnonsense\n{"pid": 2}\n')
    for _ in range(2):
        with pytest.raises(StoreError, match=r"recipe.jsonl, line 2, is no line of a journal: delete that line"):
            Journal(path)
    path.write_text('{"pid": 1}\n{"pid": 2}\n')
    Journal(path).close()


def test_a_published_unit_is_forgotten_for_good(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u"), [{"text": "a"}])
    journal.record(make_call("v"), [{"text": "b"}])
    journal.forget(["u", "never seen"])
    assert journal.answer("u", "propose", "u/", 0, "h") is None
    journal.close()
    again = Journal(path)
    assert again.units() == ["v"]
    assert again.calls("u") == []


def test_an_empty_journal_leaves_no_file(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u"), [{"text": "a"}])
    journal.forget(["u"])
    journal.close()
    assert not path.exists()
    Journal(path).close()
    assert not path.exists()


def test_what_the_store_has_is_answerable_and_not_written(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u", 1), [{"text": "b"}])
    before = path.stat().st_size
    journal.preload(make_call("u", 0), [{"text": "a"}])
    journal.preload(make_call("u", 1), [{"text": "b"}])
    assert path.stat().st_size == before
    assert journal.answer("u", "propose", "u/", 0, "h") == {"text": "a"}
    assert journal.calls("u") == []


def test_a_call_that_failed_and_was_repeated_is_two(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("u", error="timeout", latency_ms=1.0), [])
    journal.record(make_call("u", latency_ms=2.0), [{"text": "a"}])
    assert journal.answer("u", "propose", "u/", 0, "h") == {"text": "a"}
    assert len(journal.calls("u")) == 2


def test_a_journal_in_memory_leaves_no_trace(make_call: MakeCall) -> None:
    journal = Journal(None)
    journal.record(make_call("u"), [{"text": "a"}])
    assert journal.answer("u", "propose", "u/", 0, "h") == {"text": "a"}
    journal.forget(["u"])
    assert journal.units() == []
    journal.close()


def test_a_big_file_of_forgotten_lines_is_rewritten(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    journal.record(make_call("kept"), [{"text": "a"}])
    for number in range(20):
        journal.record(make_call(f"u{number}"), [{"text": "x" * 2**20}])
    assert path.stat().st_size > COMPACT_AT
    journal.forget([f"u{number}" for number in range(20)])
    assert path.stat().st_size < 10_000
    journal.record(make_call("kept", 1), [{"text": "b"}])
    with pytest.raises(JournalBusy):
        Journal(path)
    journal.close()
    again = Journal(path)
    assert [choices for _, choices in again.calls("kept")] == [[{"text": "a"}], [{"text": "b"}]]
    assert again.units() == ["kept"]


def test_a_second_process_is_refused_and_told_who_holds_it(path: Path) -> None:
    journal = Journal(path)
    code = "import sys; from pathlib import Path; from redraft.store.journal import Journal; Journal(Path(sys.argv[1]))"
    second = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    line = second.stderr.strip().splitlines()[-1]
    assert line.startswith("redraft.store.errors.JournalBusy: ")
    assert f"held by another run of the same recipe (process {os.getpid()}): wait until it has ended, or end it" in line
    journal.close()
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    with pytest.raises(StoreError, match=r"^/proc/x\.journal/r\.jsonl can't be written: .*, then run the same command"):
        Journal(Path("/proc/x.journal/r.jsonl"))


def test_a_kill_at_any_instant_loses_nothing_that_was_recorded(path: Path, tmp_path: Path) -> None:
    """A child records and says so; after each kill everything that it has said is there, and nothing is there twice."""
    said = tmp_path / "said"
    said.touch()
    rng = random.Random(3)
    for _ in range(5):
        before = said.stat().st_size
        child = subprocess.Popen([sys.executable, "-c", RECORDER, str(path), str(said)])
        while said.stat().st_size == before:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        child.kill()
        child.wait()
    journal = Journal(path)
    kept = [(call.first, choices[0]["text"]) for call, choices in journal.calls("u")]
    heard = [int(line) for line in said.read_text().splitlines() if line]
    assert len(heard) > 50
    assert set(heard) <= {first for first, _ in kept}
    assert len({first for first, _ in kept}) == len(kept)
    assert all(text == str(first) * 1000 for first, text in kept)


RECORDER = """
import os, sys
from pathlib import Path
from redraft.store.journal import Journal
from redraft.store.calls import Call
journal = Journal(Path(sys.argv[1]))
said = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
start = len(journal.calls("u"))
for number in range(start, start + 1_000_000):
    call = Call(str(number), "u", "p", "propose", "u/", number, 1, "m", "h", {})
    journal.record(call, [{"text": str(number) * 1000}])
    os.write(said, f"{number}\\n".encode())
"""


def test_a_full_disk_is_one_line_and_harms_no_other(path: Path, make_call: MakeCall) -> None:
    child = os.fork()
    if child == 0:
        os._exit(_fill(path, make_call))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    journal = Journal(path)
    assert [(call.first, choices) for call, choices in journal.calls("u")] == [
        (0, [{"text": "before"}]),
        (2, [{"text": "after"}]),
    ]
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def _fill(path: Path, make_call: MakeCall) -> int:
    """In a child: a record that does not fit fails, a smaller one after it is kept."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(path)
    journal.record(make_call("u", 0), [{"text": "before"}])
    limit = path.stat().st_size + 2000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        journal.record(make_call("u", 1), [{"text": "x" * 5000}])
    except StoreError as error:
        right = "free some space" in str(error) and "\n" not in str(error) and len(journal.calls("u")) == 1
        journal.record(make_call("u", 2), [{"text": "after"}])
        return 0 if right else 1
    return 2


def test_a_call_that_is_not_json_is_kept_as_text(path: Path, make_call: MakeCall) -> None:
    journal = Journal(path)
    odd: dict[str, Any] = {"path": Path("x")}
    journal.record(make_call("u", params=odd), [{"text": "a"}])
    journal.close()
    assert Journal(path).calls("u")[0][0].params == {"path": "x"}


def test_a_prompt_is_kept_once_a_unit_and_outlives_rewriting(path: Path, make_call: MakeCall) -> None:
    asked = {"messages": [{"role": "user", "content": "1 + 1? \ud800"}]}
    journal = Journal(path)
    for number in range(3):
        journal.record(make_call("u", number), [{"text": "a"}], asked)
    journal.record(make_call("v"), [{"text": "a"}], {**asked, "prefix": "It is"})
    for number in range(20):
        journal.record(make_call(f"u{number}"), [{"text": "x" * 2**20}])
    journal.forget([f"u{number}" for number in range(20)])
    assert path.stat().st_size < COMPACT_AT
    assert path.read_bytes().count(b'"prompt":') == 2
    journal.close()
    again = Journal(path)
    assert again.prompts("u") == {"h": asked}
    assert again.prompts("v") == {"h": {**asked, "prefix": "It is"}}
    again.forget(["u"])
    assert again.prompts("u") == {}


def claimed(path: Path, *units: str) -> Journal:
    journal = Journal(path, claim=False)
    journal.claim(units)
    return journal


def test_runs_that_share_no_unit_are_at_work_side_by_side(path: Path, make_call: MakeCall) -> None:
    first, second = claimed(path, "a", "b"), claimed(path, "c", "d")
    for journal, unit in ((first, "a"), (second, "c"), (first, "b")):
        journal.record(make_call(unit), [{"text": unit}])
    with pytest.raises(JournalBusy, match=r"recipe \(in this process\) is at work on 1 of these"):
        claimed(path, "b", "e")
    with pytest.raises(JournalBusy, match=r"recipe \(in this process\) is at work on 2 of these"):
        claimed(path, "c", "d")
    with pytest.raises(JournalBusy, match="held by another run of the same recipe"):
        Journal(path)
    third = claimed(path, "e")
    with pytest.raises(JournalBusy):
        third.claim(["e", "f", "a"])
    third.claim(["e", "f"])
    with pytest.raises(JournalBusy):
        claimed(path, "f")
    for journal in (first, second, third):
        journal.close()
    assert sorted(Journal(path).units()) == ["a", "b", "c"]


def test_another_process_is_told_which_units_are_taken(path: Path) -> None:
    journal = claimed(path, "a", "b")
    code = (
        "import sys; from pathlib import Path; from redraft.store.journal import Journal;"
        " Journal(Path(sys.argv[1]), claim=False).claim(sys.argv[2:])"
    )
    command = [sys.executable, "-c", code, str(path)]
    assert subprocess.run([*command, "c"], check=False).returncode == 0
    busy = subprocess.run([*command, "b", "c"], capture_output=True, text=True, check=False)
    assert f"(process {os.getpid()}) is at work on 1 of these 2 problems" in busy.stderr
    journal.close()
    assert subprocess.run([*command, "b", "c"], check=False).returncode == 0


def test_a_run_takes_over_its_own_units_alone(path: Path, make_call: MakeCall) -> None:
    """Two runs were killed; a third has units of both and one of its own, and leaves the rest to the next one."""
    for units in ("abc", "def"):
        journal = claimed(path, *units)
        for unit in units:
            for number in range(2):
                journal.record(make_call(unit, number), [{"text": f"{unit}{number}"}], {"messages": [unit]})
        os.close(journal._file)  # pyright: ignore[reportPrivateUsage] - killed: another run makes a file of its own
        path.rename(path.with_suffix(f".{units}.jsonl"))
    third = claimed(path, "c", "d", "g")
    assert sorted(third.units()) == ["c", "d"]
    assert third.calls("c") == [(make_call("c", number), [{"text": f"c{number}"}]) for number in range(2)]
    assert third.prompts("c") == {"h": {"messages": ["c"]}}
    fourth = claimed(path, "a", "b", "e")
    assert sorted(fourth.units()) == ["a", "b", "e"]
    third.forget(["c", "d"])
    third.close()
    fourth.forget(["a", "b", "e"])
    fourth.close()
    assert Journal(path).units() == ["f"]


def test_what_a_kill_left_in_two_files_is_one_call(path: Path, make_call: MakeCall) -> None:
    """Killed while it took over a unit: some of its calls are copied, none is struck out yet."""
    for name, numbers in (("recipe.1.jsonl", range(3)), ("recipe.2.jsonl", range(3)), ("recipe.3.jsonl", range(2))):
        journal = Journal(path.with_name(name))
        for number in numbers:
            journal.record(make_call("u", number), [{"text": str(number)}], {"messages": []})
        journal.close()
    again = claimed(path, "u", "v")
    assert [call.first for call, _ in again.calls("u")] == [0, 1, 2]
    again.close()
    assert sorted(file.name for file in path.parent.glob("recipe.*")) == ["recipe.1.jsonl"]


def test_units_that_are_done_leave_the_journal_with_the_next_run(path: Path, make_call: MakeCall) -> None:
    journal = claimed(path, "done", "left")
    journal.record(make_call("done"), [{"text": "a"}])
    journal.close()
    again = Journal(path, claim=False)
    again.claim(["left"], also=["done"])
    assert again.units() == ["done"]
    again.forget(["done"])
    again.close()
    assert not path.parent.exists()


def test_a_journal_of_an_older_build_is_gone_on_from(path: Path, make_call: MakeCall) -> None:
    path.parent.mkdir()
    lines = [{"pid": 7}, {"call": call_to_json(make_call("u")), "choices": [{"text": "a"}]}, {"pid": 8}]
    lines += [{"call": call_to_json(make_call("v")), "choices": [{"text": "b"}]}, {"forget": ["v"]}]
    path.write_text("".join(f"{exact(line)}\n" for line in lines))
    journal = claimed(path, "u", "v")
    assert (journal.units(), journal.calls("u")) == (["u"], [(make_call("u"), [{"text": "a"}])])
    path.write_text('{"pid": 9}\n')
    with pytest.raises(JournalBusy, match=r"held by another run of the same recipe \(process 9\)"):
        claimed(path, "w")


def test_a_run_that_recorded_nothing_leaves_no_folder(path: Path) -> None:
    claimed(path, "u").close()
    assert not path.parent.exists()
    unclaimed = Journal(path, claim=False)
    unclaimed.close()
    assert not path.parent.exists()


def test_claims_survive_rewriting(path: Path, make_call: MakeCall) -> None:
    journal = claimed(path, "u", "v")
    for _ in range(20):
        journal.record(make_call("u"), [{"text": "x" * 2**20}])
    journal.forget(["u"])
    assert path.stat().st_size < COMPACT_AT
    with pytest.raises(JournalBusy):
        claimed(path, "v")
    claimed(path, "w").close()


def test_runs_begin_and_end_at_once_without_sharing_a_unit(path: Path) -> None:
    """Many processes claim one of four units at random, over and over; none is ever with two."""
    program = [sys.executable, "-c", CLAIMER, str(path)]
    runs = [subprocess.Popen([*program, str(seed)], stdout=subprocess.PIPE, text=True) for seed in range(4)]
    told = [run.communicate()[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0] * 4
    assert sum(int(claims) for claims, _ in told) > 40
    assert sum(int(refused) for _, refused in told) > 0
    assert not path.parent.exists()


CLAIMER = """
import os, random, sys, time
from pathlib import Path
from redraft.store.errors import JournalBusy
from redraft.store.journal import Journal
path, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
claims = refused = 0
while claims < 20:
    unit = str(rng.randrange(4))
    journal = Journal(path, claim=False)
    try:
        journal.claim([unit])
    except JournalBusy:
        refused += 1
        time.sleep(0.001)
        continue
    mark = path.parent.parent / unit
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # fails if another has the unit
    time.sleep(rng.uniform(0, 0.005))
    mark.unlink()
    journal.close()
    claims += 1
print(claims, refused)
"""


def test_published_lines_are_let_go_when_a_run_begins(path: Path, make_call: MakeCall) -> None:
    """A small disk needs their room for the store."""
    journal = Journal(path)
    for unit in ("u", "v"):
        journal.record(make_call(unit), [{"text": "a" * 200_000}])
    journal.forget(["u"])
    assert path.stat().st_size > 400_000
    journal._release()
    again = Journal(path)
    assert path.stat().st_size < 201_000
    assert again.units() == ["v"]
    again.preload(*again.calls("v")[0])  # the store has it
    again.let_go()
    assert path.stat().st_size < 100
    again.record(make_call("w"), [{"text": "b"}])
    again._release()
    assert Journal(path).units() == ["w"]
