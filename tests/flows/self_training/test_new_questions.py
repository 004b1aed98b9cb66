"""A round that begins with new questions: they are made of its problems, tested, and drafted beside them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.self_training.accepted import accepted, folded
from redraft.flows.self_training.result import SelfTraining
from redraft.llm.limits import Budget
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Loop = Callable[..., Awaitable[SelfTraining]]
REWRITING = """
[augment]
methods = ["rephrase", "fobar"]
samples = 2
"""
METHOD = f"""
strategy = "best_of_n"
samples = 2
{REWRITING}
[policy]
format = "sft"
filters = ["correct"]
rows = "last"
"""
DRAWN = """
SELECT coalesce(p.augmentation, 'old'), count(DISTINCT p.problem_id) FROM samples s JOIN problems p USING (problem_id)
WHERE s.recipe = '{}' AND s.replicate = '{}' GROUP BY ALL ORDER BY ALL"""


@pytest.fixture
def method(tmp_path: Path) -> str:
    (tmp_path / "grown.toml").write_text(METHOD)
    return str(tmp_path / "grown.toml")


async def test_the_accepted_new_questions_are_drafted_and_make_rows(loop: Loop, method: str, tmp_path: Path) -> None:
    found = await loop(method=method, limit=6, heldout_limit=4)
    [_, done] = found.rounds
    store = Store(tmp_path / "r.duckdb")
    made = dict(store.query("SELECT augmentation, count(*) FROM rewrites WHERE accepted GROUP BY ALL").rows)
    assert made.keys() == {"rephrase", "fobar"}
    drawn = dict(store.query(DRAWN.format(done.generation_recipe, done.generation_replicate)).rows)
    assert drawn == {"old": 6, **made}
    assert (done.figures["new_questions"], done.figures["problems"]) == (sum(made.values()), 6 + sum(made.values()))
    rows = [json.loads(line) for line in (tmp_path / found.folder / "round-1" / "rows.jsonl").read_text().splitlines()]
    prompts = {row["prompt"][-1]["content"] for row in rows}
    new = {question for (question,) in store.query("SELECT question FROM problems WHERE augmentation IS NOT NULL").rows}
    assert any(question in prompt for prompt in prompts for question in new)
    assert any(all(question not in prompt for question in new) for prompt in prompts)
    calls = "SELECT count(*) FROM calls"
    before = store.query(calls).rows
    assert (await loop(method=method, limit=6, heldout_limit=4)).rounds == found.rounds
    assert store.query(calls).rows == before


async def test_a_budget_that_ends_among_the_new_questions_is_gone_on_from(
    loop: Loop, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"method": method, "limit": 4, "heldout_limit": 3}
    (tmp_path / "whole").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    whole = await loop(**given)
    monkeypatch.chdir(tmp_path)
    [(calls,)] = Store(tmp_path / "whole" / "r.duckdb").query("SELECT count(*) FROM calls").rows
    cut = await loop(**given, budget=Budget(calls=calls // 3))
    assert cut.spent
    assert (await loop(**given)).rounds[1].accuracy == whole.rounds[1].accuracy
    assert Store(tmp_path / "r.duckdb").query("SELECT count(*) FROM calls").rows == [(calls,)]
    first, second = (file.read_text() for file in sorted(tmp_path.rglob("rows.jsonl")))
    assert first == second


async def test_other_new_questions_make_another_loop_that_shares_no_draft(
    loop: Loop, method: str, tmp_path: Path
) -> None:
    (tmp_path / "plain.toml").write_text(METHOD.replace(REWRITING, ""))
    given: dict[str, Any] = {"limit": 4, "heldout_limit": 3}
    plain, grown = await loop(method="plain.toml", **given), await loop(method=method, **given)
    assert plain.loop_id != grown.loop_id
    assert plain.rounds[1].generation_replicate != grown.rounds[1].generation_replicate
    assert plain.rounds[0].accuracy == grown.rounds[0].accuracy
    assert "new_questions" not in plain.rounds[1].figures


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"fobar"', '"fobr"', "no augmentation 'fobr'; there are .* Did you mean 'fobar'"),
        ('"fobar"', '"evolve"', "method 'evolve' is not possible: the embedded model was not trained for it"),
        ("[policy]", "[augment.arguments.fobar]\nmany = 2\n[policy]", "method 'fobar' has no argument 'many'"),
    ],
)
async def test_a_mistake_is_one_line(loop: Loop, tmp_path: Path, old: str, new: str, line: str) -> None:
    (tmp_path / "bad.toml").write_text(METHOD.replace(old, new))
    with pytest.raises(PartError, match=line):
        await loop(method="bad.toml", limit=2, heldout_limit=2)


async def test_a_new_question_that_is_held_out_is_no_new_question(loop: Loop, method: str, tmp_path: Path) -> None:
    """The held-out problems of a second loop are the new questions of the first."""
    first = await loop(method=method, limit=4, heldout_limit=3)
    store = Store(tmp_path / "r.duckdb")
    recipes = [recipe for (recipe,) in store.query("SELECT DISTINCT recipe FROM rewrites").rows]
    replicate = first.rounds[1].generation_replicate or ""
    made = accepted(store, recipes, replicate, [])
    assert len(made) == first.rounds[1].figures["new_questions"] > 1
    apart = [Problem(made[0].question.upper() + "\n", "1")]
    assert accepted(store, recipes, replicate, apart) == [one for one in made if folded(one) != folded(apart[0])]
    assert accepted(store, [], replicate, []) == accepted(store, recipes, "another", []) == []
