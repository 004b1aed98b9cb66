"""Reads the summary of a run from the store, one part of the problems at a time."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redraft.flows.generation.job import Job
from redraft.flows.summary.accuracy import Tally
from redraft.flows.summary.query import DRAFTS, PART_QUERIES, RUN_QUERIES
from redraft.flows.summary.summary import Summary
from redraft.flows.summary.summary_cache import FEWEST, keep, recall, state
from redraft.store.tables.query import Table
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

PART = 20_000  # problems per part: a part reads the whole store, and needs 6 MB per thousand problems

_Rows = Sequence[Mapping[str, Any]]


def summarise_job(job: Job, run_id: str) -> Summary:
    """Returns the summary of an ended run of a job, over all problems of the job. Raises StoreError."""
    settings = job.settings
    return summarise(job.store, run_id, recipe=job.recipe, replicate=settings.replicate, problems=list(job.problems))


def summarise(store: Store, run_id: str, *, recipe: str, replicate: str, problems: Sequence[str]) -> Summary:
    """Returns the summary of a run that has ended. Raises StoreError."""
    now = state(store, recipe, replicate, problems) if len(problems) >= FEWEST else None
    ids = {"db": store.path, "run_id": run_id, "recipe": recipe, "problems": len(problems)}
    if now and (known := recall(store, now, problems)):
        return Summary(**ids, **_run_facts(store, run_id), **known)
    facts, data = _read(store, run_id, recipe, replicate, sorted(problems))
    if now:
        keep(store, run_id, now, data)
    return Summary(**ids, **facts, **data)


def _read(
    store: Store, run_id: str, recipe: str, replicate: str, problems: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns a pair: the facts about a run, and the facts about the data of its problems."""
    own = f"recipe = {literal(recipe)} AND replicate = {literal(replicate)}"
    facts: dict[str, Any] = {}
    found = _Found()
    for part in _parts(problems):
        these, asked = f"{own} AND {one_of('problem_id', part)}", one_of("p.problem_id", part)
        with store.held(read_only=True):  # DuckDB caches the data that it reads until the store is closed
            facts = facts or _run_facts(store, run_id)
            ids = {"these": these, "problems": asked, "run": literal(run_id)}
            tables = store.queries(*(sql.format(**ids) for sql in PART_QUERIES))
            found.add(*map(_rows, tables))
            found.drafts.add(store.rows(DRAFTS.format(these=these)))
    return facts, found.facts()


def _run_facts(store: Store, run_id: str) -> dict[str, Any]:
    [run], [spent] = (
        _rows(table) for table in store.queries(*(sql.format(run=literal(run_id)) for sql in RUN_QUERIES))
    )
    return {**run, **spent}


class _Found:
    """Sums the query results of all parts of a run's problems."""

    def __init__(self) -> None:
        self.drafts = Tally()
        self._sums: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._lost: Counter[tuple[str, str | None]] = Counter()  # drafts without a grade, by grader and reason
        self._picks = array("d")  # for each graded problem: 1 if the pick is right, otherwise 0
        self._oracle_used = False

    def add(self, total: _Rows, failures: _Rows, likelihoods: _Rows, graded: _Rows, picks: _Rows) -> None:
        """Adds the rows of one part of the problems. Each argument has the rows of one query in PART_QUERIES."""
        self._sums.update(total[0])
        self._sums.update(likelihoods[0])
        self._failures.update({row["reason"]: row["n"] for row in failures})
        for row in graded:
            self._sums["ungraded" if row["lost"] else "graded"] += row["n"]
            if row["lost"]:
                self._lost[row["grader"], row["reason"]] += row["n"]
        self._sums["known_problems"] += len(picks)
        self._oracle_used |= any(row["oracle_used"] for row in picks)  # a search has only picks
        # a problem has no pick if all its trajectories failed, or if the run did not reach it
        self._picks.extend(float(row["correct"]) for row in picks if row["ended"] and row["correct"] is not None)

    def facts(self) -> dict[str, Any]:
        """Returns the fields of a Summary that are about the data."""
        drafts = self.drafts.facts(self._picks)
        drafts["oracle_used"] |= self._oracle_used
        worst = min(self._lost, key=lambda lost: (-self._lost[lost], lost[0], lost[1] or ""), default=(None, None))
        failures = dict(sorted(self._failures.items(), key=lambda failure: (-failure[1], failure[0])))
        return {
            **self._sums,
            "failures": failures,
            "ungraded_by": worst[0],
            "ungraded_because": worst[1],
            **drafts,
        }


def _rows(table: Table) -> _Rows:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _parts(problems: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, max(1, len(problems)), PART):
        yield problems[start : start + PART]
