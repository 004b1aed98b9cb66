"""A provider of which three calls in ten fail: every problem ends, what was paid is counted, nothing is asked twice."""

import random
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.generate import generate
from redraft.flows.summary.summary import Summary
from redraft.llm.limits import Limits
from redraft.store import Store

PROBLEMS, SAMPLES = 20, 4
FAULTS = 3  # in ten calls
WAITED = (429, 503)  # busy servers are asked again however few the tries
UNTOLD = ("drop", "cut", "blank", "malformed", "left")  # nobody learns what these cost
KINDS = (
    "429", "429+", "500", "503", "drop", "cut", "hang", "blank", "empty", "malformed", "few", "many", "truncated",
    "nan", "null",
)  # fmt: skip
READ = tuple(kind for kind in KINDS if kind != "null")  # which LiteLLM takes for a reply that can't be read
LITELLM = ("429+", "500", "drop", "hang", "empty", "malformed", "few", "nan")


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids="+".join)
async def test_a_server_may_fail_in_any_way(
    kinds: Sequence[str], openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    job = {"model": "tiny", "api_base": openai_server.url}
    await _survived(openai_server, openai_protocol, tmp_path / "redraft.duckdb", kinds, job)


@pytest.mark.parametrize("kinds", [*((kind,) for kind in LITELLM), READ], ids="+".join)
async def test_a_provider_of_litellm_may_fail_in_any_way(
    kinds: Sequence[str],
    openai_server: Any,
    openai_protocol: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    await _survived(openai_server, openai_protocol, tmp_path / "redraft.duckdb", kinds, {"model": "openai/tiny"})


async def _survived(server: Any, protocol: ModuleType, db: Path, kinds: Sequence[str], job: dict[str, Any]) -> None:
    """The same run three times: with faults and a single try, with faults and enough of them, and without faults."""
    chance = random.Random(0)
    server.write, server.faults = None, [fault for _ in range(60) for fault in _ten(protocol, kinds, chance)]
    entries = server.record.entries

    first = await _run(db, 1, kinds, job)
    assert sum(entry.fault in kinds for entry in entries) >= len(entries) // 10 * FAULTS >= 6
    assert (first.problems, first.trajectories) == (PROBLEMS, PROBLEMS * SAMPLES)
    assert bool(first.failed) is any(entry.status not in WAITED and not _usable(entry) for entry in entries)
    failed, asked = _ended(db, kinds), len(entries)

    second = await _run(db, 12, kinds, job)
    assert (second.failed, _ended(db, kinds)) == (0, set())
    assert {_about(entry, failed) for entry in entries[asked:]} == failed

    asked, server.faults = len(entries), []
    third = await _run(db, 1, kinds, job)
    assert (len(entries), third.failed, third.trajectories) == (asked, 0, PROBLEMS * SAMPLES)
    assert sum(_usable(entry) for entry in entries) == PROBLEMS * SAMPLES
    assert _paid(db) == sum(entry.charged for entry in entries if entry.fault not in UNTOLD)


def _ten(protocol: ModuleType, kinds: Sequence[str], chance: random.Random) -> list[Any]:
    """What ten calls meet, in any order."""
    met = [protocol.named(chance.choice(kinds), "0.02") for _ in range(FAULTS)]
    ten = [*met, *[None] * (10 - FAULTS)]
    chance.shuffle(ten)
    return ten


async def _run(db: Path, tries: int, kinds: Sequence[str], job: dict[str, Any]) -> Summary:
    limits = Limits(wait_s=0.01, tries=tries, timeout_s=3.0 if "hang" in kinds else 60.0)
    return await generate(
        "builtin", db=db, strategy="best_of_n", samples=SAMPLES, limit=PROBLEMS, concurrency=8, limits=limits, **job
    )


def _about(entry: Any, questions: set[str]) -> str | None:
    """Which of the questions was asked."""
    asked = entry.body["messages"][-1]["content"]
    return next((question for question in questions if question in asked), None)


def _usable(entry: Any) -> int:
    """How many samples an answer gave that can be used."""
    return 0 if entry.fault in UNTOLD else min(entry.choices, entry.body.get("n", 1))


def _ended(db: Path, kinds: Sequence[str]) -> set[str]:
    """The questions of the problems that failed; all others are judged."""
    with Store(db) as store:
        ways = set(store.query(WAYS).rows)
        failed = {question for (question,) in store.query(FAILED).rows}
    silent = {"nan", "null"} & set(kinds)
    assert ways <= {WELL, UNDONE, *([UNLIKELY] if silent else [])}
    assert (UNDONE in ways) is bool(failed)
    return failed


def _paid(db: Path) -> int:
    with Store(db) as store:
        return store.query("SELECT sum(prompt_tokens + completion_tokens) FROM calls").rows[0][0]


WAYS = """
SELECT DISTINCT t.stop = 'failed', t.reason IS NOT NULL, coalesce(o.verdict IN ('right', 'wrong'), false),
       l.value IS NOT NULL, l.reason IS NOT NULL
FROM trajectories t
JOIN grades l ON l.trajectory_id = t.trajectory_id AND l.step_id IS NULL AND l.grader = 'likelihood'
LEFT JOIN grades o ON o.trajectory_id = t.trajectory_id AND o.step_id IS NULL AND o.grader = 'oracle'"""
WELL = (False, False, True, True, False)
UNLIKELY = (False, False, True, False, True)  # judged, but for its likelihood, which has a reason instead
UNDONE = (True, True, False, False, True)
FAILED = """
SELECT question FROM problems WHERE problem_id IN (SELECT problem_id FROM raw.published WHERE status = 'failed')"""
