"""A search as it is shown while its tree grows, and its tree as it is read back: text, Graphviz, JSON."""

import io
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from redraft.flows.cli.main import cli
from redraft.flows.display.tree import as_dot, as_text
from redraft.flows.display.tree_reader import read_tree
from redraft.flows.generate import generate
from redraft.flows.settings import Settings
from redraft.flows.solve import solve
from redraft.graders.grader import Grader
from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import StoreError
from redraft.store.problems import Problem
from redraft.store.sources.wordproblems import problems
from redraft.store.tables.store import Store
from world import World

WORLD = World(
    {"": {"A": 1, "X": 1}, "A": {'B"': 1, "C": 1}, "X": {"Y": 1, "Z": 1}},
    {"A": 0.5, "X": 0.3, 'A/B"': 0.9, "A/C": 0.2, "X/Y": 0.1, "X/Z": 0.05},
    {'A/B"': "8"},
)


def world() -> Grader:
    return WORLD.grader()


@pytest.fixture
async def solved(tmp_path: Path) -> tuple[Store, str, str]:
    """A store with one tree, its unit, and what was shown."""
    shown = io.StringIO()
    arguments = {"branch": 2, "roll_forward_steps": 1, "iterations": 4}
    settings = Settings(model=WORLD.model, strategy="rest_mcts", grader=world, critic="none", arguments=arguments)
    store = Store(tmp_path / "r.duckdb")
    unit = await solve(Problem("How much?", "8"), settings, store, Console(file=shown, width=70))
    return store, unit.unit_id, shown.getvalue()


async def test_the_tree_is_shown_while_it_grows_and_then_the_chosen_path(solved: tuple[Store, str, str]) -> None:
    lines = [" ".join(line.split()) for line in solved[2].splitlines()]
    assert lines[-10:] == [
        "0 · A 0.70", "1 · X 0.30",
        "1.0 · Y so the answer is \\boxed{Y} → Y 0.10", "1.1 · Z so the answer is \\boxed{Z} → Z 0.05",
        '0.1 · B" so the answer is \\boxed{8} → 8 0.90', "0.2 · C so the answer is \\boxed{C} → C 0.20",
        "",
        "draft 1 · A 100%", '· B" so the answer is \\boxed{8} 100%', "→ 8 100%",
    ]  # fmt: skip


async def test_a_stored_tree_is_read_back_whole(solved: tuple[Store, str, str]) -> None:
    store, unit, _ = solved
    tree = read_tree(store)
    assert list(as_text(tree)) == [
        "How much?",
        "├─ 0  value 0.900, visits 2  A",
        '│  ├─ 0.0  rollout  B" so the answer is \\boxed{8}  → 8 ✓',
        '│  ├─ 0.1  value 0.900, visits 1  B" so the answer is \\boxed{8}  → 8 ✓ ★ chosen',
        "│  └─ 0.2  value 0.200, visits 0  C so the answer is \\boxed{C}  → C ✗",
        "└─ 1  value 0.100, visits 1  X",
        "   ├─ 1.0  value 0.100, visits 1  Y so the answer is \\boxed{Y}  → Y ✗",
        "   └─ 1.1  value 0.050, visits 0  Z so the answer is \\boxed{Z}  → Z ✗",
    ]
    assert read_tree(store, unit) == read_tree(store, f"{unit}/0.1") == read_tree(store, tree.problem_id) == tree
    with pytest.raises(StoreError, match="no unit, trajectory or problem 'nope'"):
        read_tree(store, "nope")
    dot = list(as_dot(tree))
    assert dot[:4] == [
        "digraph tree {",
        "  rankdir=LR; node [shape=ellipse, fontname=Helvetica];",
        '  "question" [shape=note, label="How much?"];',
        f'  "{unit}/0" [label="A\\nvalue 0.900, visits 2"];',
    ]
    label = 'label="B\\" so the answer is \\\\boxed{8}\\nvalue 0.900, visits 1\\n→ 8 ✓ ★ chosen"'
    assert f'  "{unit}/0.1" [{label}, shape=box, color=darkgreen, penwidth=3];' in dot
    assert f'  "{unit}/0" -> "{unit}/0.0" [style=dashed];' in dot
    path = str(store.path)
    printed = CliRunner().invoke(cli, ["tree", unit, "--db", path, "--json"])
    assert json.loads(printed.output)["branches"][0]["children"][1]["ends"][0]["answer"] == "8"
    assert CliRunner().invoke(cli, ["tree", "--db", path]).output.splitlines() == list(as_text(tree))
    assert CliRunner().invoke(cli, ["tree", "--db", path, "--dot"]).output.splitlines() == dot


@pytest.mark.parametrize("strategy", ["mcts", "rest_mcts"])
async def test_every_token_that_was_drawn_is_a_stored_steps_and_each_path_is_stored_once(
    strategy: str, tmp_path: Path
) -> None:
    arguments = {"iterations": 3} | ({"rollouts": 1} if strategy == "mcts" else {})
    settings = Settings(strategy=strategy, grader="likelihood", critic="model", arguments=arguments)
    store = Store(tmp_path / "r.duckdb")
    [problem] = islice(problems(levels=[2], seed=4), 1)
    unit = await solve(problem, settings, store, Console(quiet=True))

    assert len({path.trajectory_id for path in unit.trajectories}) == len(unit.trajectories)
    [(steps, drawn)] = store.query(
        "SELECT (SELECT sum(tokens) FROM steps), sum(completion_tokens) FROM calls WHERE purpose <> 'critique'"
    ).rows
    assert steps == drawn
    [(paths, searched, open_, judged)] = store.query(
        "SELECT count(*), count(*) FILTER (role = 'search'), count(*) FILTER (answer IS NULL),"
        " count(*) FILTER (answer IS NULL AND correct IS NOT NULL) FROM trajectories"
    ).rows
    assert paths == len(unit.trajectories) > searched > 0
    assert open_ > judged == 0  # what a search left off is neither right nor wrong
    [(both,)] = store.query(
        "SELECT count(*) FROM steps s JOIN steps p ON p.step_id = s.parent_id WHERE s.visits > p.visits"
    ).rows
    assert both == 0


def adds(right: Callable[[int, int], bool]) -> Scripted:
    """A model that adds in two steps; `right` says whether it does, by sample and turn."""

    def script(request: Request, index: int) -> str:
        turn = len(request.messages) // 2 + 1
        return f"Turn {turn}:\n\nIt is 2+2={4 if right(index, turn) else 5}.\n\n#### {4 if right(index, turn) else 5}"

    return Scripted(script)


async def test_a_correction_is_shown_turn_by_turn(tmp_path: Path) -> None:
    store = Store(tmp_path / "r.duckdb")
    arguments = {"feedback": "fixed", "turns": 3}
    model = adds(lambda sample, turn: turn == 3)
    await generate([Problem("2+2?", "4")], db=store, model=model, samples=1, arguments=arguments)
    tree = read_tree(store)
    told = "fixed  The answer is wrong. Solve the problem again."
    assert list(as_text(tree)) == [
        "2+2?",
        "└─ 0",
        "   ├─ turn 1  → 5 ✗", "   │     Turn 1:", "   │     It is 2+2=5.", "   │     #### 5",
        f"   ├─ {told}",
        "   ├─ turn 2  → 5 ✗", "   │     Turn 2:", "   │     It is 2+2=5.", "   │     #### 5",
        f"   ├─ {told}",
        "   └─ turn 3  → 4 ✓ ★ chosen", "         Turn 3:", "         It is 2+2=4.", "         #### 4",
    ]  # fmt: skip
    assert [(draft.turn, draft.answer, draft.correct) for draft in tree.drafts] == [
        (1, "5", False), (2, "5", False), (3, "4", True),
    ]  # fmt: skip
    assert [draft.follows for draft in tree.drafts] == [None, *(draft.leaf_step_id for draft in tree.drafts[:-1])]
    nodes = [line for line in as_dot(tree) if "label=" in line and "->" not in line]
    assert len(nodes) == 1 + 3 + 2, "the question, the drafts, the feedback"
    assert 'label="turn 1  → 5 ✗\\nTurn 1:\\nIt is 2+2=5.\\n#### 5", shape=box, color=red' in nodes[1]
    assert "shape=note" in nodes[2]
    assert "color=darkgreen, penwidth=3" in nodes[5]
    printed = json.loads(CliRunner().invoke(cli, ["tree", "--db", str(store.path), "--json"]).output)
    assert [draft["feedback"] for draft in printed["drafts"]] == [
        None,
        *["The answer is wrong. Solve the problem again."] * 2,
    ]


async def test_redrafts_branch_below_their_feedback_and_a_lone_draft_needs_no_line(tmp_path: Path) -> None:
    store = Store(tmp_path / "r.duckdb")
    arguments = {"feedback": "oracle", "turns": 2, "branches": 2}
    model = adds(lambda sample, turn: sample == 1)
    given = {"db": store, "model": model, "samples": 2, "grader": "oracle", "arguments": arguments}
    await generate([Problem("2+2?", "4")], **given)
    lines = list(as_text(read_tree(store)))
    assert lines[:6] == [
        "2+2?", "├─ 0", "│  ├─ turn 1  → 5 ✗", "│  │     Turn 1:", "│  │     It is 2+2=5.", "│  │     #### 5",
    ]  # fmt: skip
    assert lines[6] == "│  └─ oracle  The answer is wrong. Solve the problem again."
    redrafts = [line for line in lines if "turn 2" in line]
    assert [line.split("turn")[0] for line in redrafts] == ["│     ├─ 0.0.0.0.0  ", "│     └─ 0.0.0.0.1  "]
    assert lines[-4].startswith("└─ 1  turn 1  → 4 ✓")
    await generate([Problem("2+2?", "4")], db=store, model=model, samples=2, strategy="best_of_n", grader="likelihood")
    assert list(as_text(read_tree(store)))[1:5] == [
        "├─ 0  → 5 ✗",
        "│     Turn 1:",
        "│     It is 2+2=5.",
        "│     #### 5",
    ]
