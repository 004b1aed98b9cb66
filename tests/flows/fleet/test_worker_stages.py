"""Workers of `annotate`, `augment` and `evaluate`: each unit is done once, as one process does it."""

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

from fleet_site import (
    ALL_ONCE,
    ANNOTATE,
    AUGMENT,
    EVALUATE,
    IN_FLIGHT,
    PROBLEMS,
    Server,
    command,
    ended,
    shards,
    shows,
    until,
    workers,
)
from redraft.store import Store


async def test_a_worker_of_annotate_is_killed_and_each_draft_is_judged_once(server: Server, db: Path) -> None:
    code, told = await ended(await command(server, db, 1))
    assert code == 0, told
    drafted = server.asked
    server.answers = drafted + PROBLEMS / 2
    run = await command(server, db, 3, stage=ANNOTATE)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 3)
    killed = next(facts for facts in workers(db) if shards(db, facts.pid))
    os.kill(killed.pid, signal.SIGKILL)
    server.answers = math.inf
    code, shown, told = await shows(run)
    assert code == 0, told
    assert f"{PROBLEMS} units: grader rollout on tiny" in told
    assert f"(process {killed.pid}) was killed by SIGKILL" in told
    assert shown.startswith(f"{PROBLEMS} drafts judged by rollout, ")
    assert "; 0 were known: kept in" in shown
    once = "SELECT count(*), count(DISTINCT unit_id), max(attempt) FROM raw.commits JOIN raw.run_events USING (run_id)"
    assert Store(db).query(f"{once} WHERE event = 'started' AND stage = 'annotate'").rows == ALL_ONCE
    assert server.repeated(db) <= IN_FLIGHT
    assert os.listdir(db.parent) == [db.name]
    code, again, told = await shows(await command(server, db, 3, stage=ANNOTATE))
    assert (code, again.split(" judged")[0]) == (0, "0 drafts"), told
    assert f"; {PROBLEMS} were known" in again


async def test_a_worker_of_augment_is_killed_and_the_methods_make_what_one_process_makes(
    server: Server, db: Path
) -> None:
    alone = db.with_name("alone.duckdb")
    code, whole, told = await shows(await command(server, alone, 1, stage=AUGMENT))
    assert code == 0, told
    calls = server.asked
    server.answers = calls + calls / 4
    run = await command(server, db, 2, stage=AUGMENT)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 2)
    killed = next(facts for facts in workers(db) if shards(db, facts.pid))
    os.kill(killed.pid, signal.SIGKILL)
    server.answers = math.inf
    code, shown, told = await shows(run)
    assert code == 0, told
    assert shown == whole.replace(alone.name, db.name)
    for columns, table in (
        ("parent_id, augmentation, number, question, answer, refused, answers, agreed", "rewrites"),
        ("problem_id, question, answer, parent_id, augmentation", "problems"),
        ("problem_id, sample, answer, correct", "samples"),
    ):
        one, many = (Store(path).query(f"SELECT {columns} FROM {table} ORDER BY ALL").rows for path in (alone, db))
        assert one == many
    assert Store(db).query("SELECT max(attempt) FROM raw.commits").rows == [(1,)]
    assert server.asked <= 2 * calls + IN_FLIGHT
    assert sorted(os.listdir(db.parent)) == sorted([db.name, alone.name])


async def test_workers_of_evaluate_measure_what_one_process_measures(server: Server, db: Path) -> None:
    alone = db.with_name("alone.duckdb")
    code, whole, told = await shows(await command(server, alone, 1, "--json", stage=EVALUATE))
    assert code == 0, told
    before = server.asked
    code, shown, told = await shows(await command(server, db, 2, "--json", stage=EVALUATE))
    assert code == 0, told
    assert figures(shown) == figures(whole)
    assert server.asked == 2 * before
    assert server.repeated(db) == server.repeated(alone)
    assert Store(db).query("SELECT DISTINCT status FROM runs").rows == [("finished",)]
    assert sorted(os.listdir(db.parent)) == sorted([db.name, alone.name])


def figures(shown: str) -> list[Any]:
    """What does not depend on time in each row of an evaluation."""
    methods = json.loads(shown)["methods"]
    kept = ("turn", "accuracy", "majority", "equal_cost", "control", "moves")
    return [[*(row[name] for name in kept), row["cost"]["tokens"]] for method in methods for row in method["rows"]]


async def test_the_budget_of_an_evaluation_is_that_of_all_methods_and_workers(server: Server, db: Path) -> None:
    code, shown, told = await shows(await command(server, db, 2, "--json", "--budget-calls", "25", stage=EVALUATE))
    assert code == 0, told
    assert json.loads(shown)["spent"] == "The budget of 25 calls is used up."
    assert Store(db).query("SELECT sum(attempts) FROM calls").rows[0][0] <= 25
    assert server.asked <= 25
    assert os.listdir(db.parent) == [db.name]
