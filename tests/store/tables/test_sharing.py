"""Several processes at one store: real ones, and some of them killed."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from redraft.store import Problem, Store
from redraft.store.errors import QueryError, StoreError
from redraft.store.tables.database.temporary import temporary_folder
from redraft.store.unit import Unit

MakeUnit = Callable[..., Unit]

PUBLISH = """
import sys
import time
from datetime import UTC, datetime
from redraft.store import Question, Stop, Store, Trajectory
from redraft.store.unit import Unit, unit_id
store, name, units, pause_s = Store(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
done = store.done(name, "")
now = datetime.now(UTC)
for number in range(units):
    problem_id = f"{name}{number}"
    if problem_id not in done:
        unit = unit_id(name, problem_id, "")
        path = Trajectory(Question(problem_id, "What?", unit=unit), stop=Stop.ANSWERED)
        for step in range(20):
            path = path.grow(f"step {step}", 0)
        store.publish([Unit(unit, "run", name, problem_id, "", 1, 1, "done", (path,), (), (), now, now)])
        print(number, flush=True)
        time.sleep(pause_s)
"""


def publisher(store: Store, name: str, units: int, pause_s: float = 0.0) -> subprocess.Popen[str]:
    arguments = [store.path, name, str(units), str(pause_s)]
    return subprocess.Popen([sys.executable, "-c", PUBLISH, *arguments], stdout=subprocess.PIPE, text=True)


def test_two_writers_and_a_reader_take_turns(store: Store) -> None:
    writers = [publisher(store, name, 15, pause_s=0.1) for name in "ab"]
    seen = []
    while any(writer.poll() is None for writer in writers):
        steps, trajectories = store.query(
            "SELECT (SELECT count(*) FROM steps), (SELECT count(*) FROM trajectories)"
        ).rows[0]
        assert steps == 20 * trajectories
        seen.append(trajectories)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert store.query("SELECT count(*), count(DISTINCT problem_id) FROM trajectories").rows == [(30, 30)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()


def test_a_writer_killed_at_any_instant_leaves_whole_units_and_none_twice(store: Store) -> None:
    rng = random.Random(4)
    for _ in range(4):
        with publisher(store, "k", 1000) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.15))
            writer.kill()
        assert store.query("SELECT count(*) FROM steps GROUP BY problem_id HAVING count(*) <> 20").rows == []
        assert store.query("SELECT count(*) FROM raw.steps s ANTI JOIN raw.commits USING (commit_id)").rows == [(0,)]
    units = store.query("SELECT count(*), count(DISTINCT unit_id) FROM raw.commits").rows[0]
    assert units[0] == units[1] >= 4


def test_two_processes_can_make_the_store_at_once(tmp_path: Path) -> None:
    code = "import sys; from redraft.store import Store; Store(sys.argv[1]).start_run('s', 'r', 's', 'm', {})"
    path = str(tmp_path / "new.duckdb")
    makers = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(4)]
    assert [maker.wait() for maker in makers] == [0] * 4
    assert Store(path).query("SELECT count(*) FROM runs").rows == [(4,)]
    assert [file.name for file in tmp_path.iterdir()] == ["new.duckdb"]


def test_threads_of_one_process_take_turns_too(store: Store, make_unit: MakeUnit) -> None:
    units = [make_unit([[("1", True)]], problem_id=f"p{number}") for number in range(10)]
    other = Store(store.path)
    writers = [threading.Thread(target=target.publish, args=([unit],)) for unit in units for target in (store, other)]
    for writer in writers:
        writer.start()
    for _ in range(10):
        store.query("SELECT count(*) FROM trajectories")
    for writer in writers:
        writer.join()
    assert store.query("SELECT count(*) FROM trajectories").rows == [(10,)]


def test_parts_leave_the_store_open_for_queries_and_free_it_when_the_first_end(store: Store) -> None:
    first = store.parts("SELECT i FROM range(5000) t(i) ORDER BY i")
    rows = next(first)
    second = store.parts("SELECT 2 FROM range(5000)")
    assert (rows[:2], next(second)[0], store.query("SELECT 3").rows) == ([(0,), (1,)], (2,), [(3,)])
    rest = [row for part in first for row in part]
    assert [*rows, *rest] == [(i,) for i in range(5000)]
    assert store.add([Problem("1+1?", "2")]) == 1  # although the second was not read to its end
    with pytest.raises(QueryError):
        next(second)
    assert store.add([Problem("1+2?", "3")]) == 1


def test_who_holds_a_store_opens_it_once_and_others_wait(store: Store, make_unit: MakeUnit) -> None:
    with store.held():
        store.publish([make_unit([[("1", True)]], problem_id="a")])
        other = threading.Thread(target=store.publish, args=[[make_unit([[("1", True)]], problem_id="b")]])
        other.start()
        other.join(0.2)
        assert other.is_alive()
        with pytest.raises(duckdb.Error):
            duckdb.connect(store.path)
        assert store.query("SELECT problem_id FROM trajectories").rows == [("a",)]
        assert store.add([Problem("What is 1 + 1?", "2")]) == 1
    other.join()
    assert store.query("SELECT problem_id FROM trajectories ORDER BY ALL").rows == [("a",), ("b",)]
    with pytest.raises(StoreError, match="no such thing"), store.held():
        raise duckdb.Error("no such thing")
    assert len(store.query("FROM trajectories").rows) == 2


def test_a_query_gives_up_after_a_while_and_says_who_has_the_file(store: Store) -> None:
    code = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('mine', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, store.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(
            StoreError, match=rf"held by another process \(process {holder.pid}\).* for more than 0.3 s"
        ):
            store.query("SELECT 1", patience=0.3)
        holder.kill()
    assert store.query("SELECT 1").rows == [(1,)]


def test_a_writer_waits_for_a_reader_and_says_so_once(store: Store, make_unit: MakeUnit) -> None:
    told: list[str] = []
    code = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, store.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        timer = threading.Timer(1.0, holder.kill)
        timer.start()
        Store(store.path, waiting=told.append).publish([make_unit([[("1", True)]])])
        timer.join()
    assert told == [f"waits its turn: process {holder.pid} has {store.path} open"]
    assert store.query("SELECT count(*) FROM trajectories").rows == [(1,)]


def test_what_a_killed_process_left_in_the_log_of_the_database_is_read(store: Store) -> None:
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
        " c.execute(\"INSERT INTO raw.problems (problem_id) VALUES ('a')\"); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, store.path], check=False)
    assert Path(f"{store.path}.wal").exists()
    assert Store(store.path).query("SELECT problem_id FROM problems").rows == [("a",)]
    with duckdb.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM raw.problems").fetchall() == [(1,)]


def test_a_store_held_for_streaming_has_bounded_memory_whatever_was_asked_before(store: Store) -> None:
    settings = "SELECT current_setting('threads'), parse_formatted_bytes(current_setting('memory_limit')) // 2**20"
    with store.held(read_only=True, streaming=True):
        store.query("FROM problems")
        parts = store.parts(f"{settings}, x FROM three", tables={"three": "FROM range(3) t(x)"})
        assert [row for part in parts for row in part] == [(1, 1000, 0), (1, 1000, 1), (1, 1000, 2)]
    assert [row for part in store.parts(settings) for row in part] == [(1, 1000)]
    assert store.query(settings).rows != [(1, 1000)]


def test_a_held_store_may_be_asked_with_little_memory(store: Store) -> None:
    settings = "SELECT current_setting('threads'), parse_formatted_bytes(current_setting('memory_limit'))"
    with store.held(read_only=True, memory=100 * 2**20):
        assert store.query(settings).rows == [(1, 100 * 2**20)]


SORT = """
import hashlib
import sys
from pathlib import Path
from redraft.store import Store
store, found, seen = Store(sys.argv[1]), hashlib.sha256(), set()
with store.held(read_only=True, memory=50 * 2**20):
    for number, row in enumerate(store.rows("SELECT problem_id, question FROM raw.problems ORDER BY question")):
        found.update(repr(row).encode())
        if number % 20_000 == 0:
            seen.update(path.name for path in Path(store.path).parent.glob("*.tmp*"))
print(found.hexdigest(), *seen)
"""
"""Sorts more than fits into its memory; prints a hash of the rows, and the folders of temporary files that it saw."""


def test_processes_that_read_at_once_have_temporary_files_of_their_own(store: Store) -> None:
    with duckdb.connect(store.path) as connection:
        connection.execute(
            "INSERT INTO raw.problems (problem_id, question)"
            " SELECT range::VARCHAR, repeat(md5(range::VARCHAR), 8) FROM range(300000)"
        )
    programs = [
        subprocess.Popen([sys.executable, "-c", SORT, store.path], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    printed = [program.communicate()[0].split() for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0]
    assert len({words[0] for words in printed}) == 1
    assert len({folder for words in printed for folder in words[1:]}) >= 3
    assert not list(Path(store.path).parent.glob("*.tmp*"))


def test_temporary_files_of_a_killed_process_are_removed(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used = (Path(temporary_folder(store.path, "a").replace(f"-{os.getpid()}-", f"-{number}-"))
                  for number in (ended.pid, os.getppid()))  # fmt: skip
    for folder in (left, used):
        folder.mkdir()
        (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    Store(store.path)
    assert not left.exists()
    assert used.exists()
