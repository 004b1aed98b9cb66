"""The programs in examples/ run as a reader runs them."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_first_hour(prefect_server: Mapping[str, str], tmp_path: Path) -> None:
    """It ends with a run that the schedule started and with the answer of a graph in LangGraph's server."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("REDRAFT_")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "first_hour.py", tmp_path / "hour"], env=given | dict(prefect_server),
        capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [rows] = re.findall(r"^(\d+) rows; the first: {'prompt'", done.stdout, re.MULTILINE)
    assert int(rows) > 5
    assert len((tmp_path / "hour" / "train.jsonl").read_text().splitlines()) == int(rows)
    assert re.search(r"^The schedule's run .* ended Completed: 5 problems, 40 trajectories", done.stdout, re.MULTILINE)
    assert re.search(r"^custom {.*'text': ", done.stdout, re.MULTILINE)
    assert re.search(r"^answer \d+, correct: (True|False), chosen: True$", done.stdout, re.MULTILINE)


def test_a_strategy_of_ones_own_is_measured(tmp_path: Path) -> None:
    out = example("own_strategy.py", tmp_path)
    assert "The drafts answer 126, 113, 124, 124." in out
    assert re.search(r"^#### 124$", out, re.MULTILINE)  # 3 * 19 - 45 + 7 * 16
    measured = re.findall(
        r"^(\S+).*: (\d+)% right for (\d+) tokens a problem; a vote of as many tokens: (\d+)%$", out, re.MULTILINE
    )
    assert [name for name, *_ in measured] == ["until_two_agree", "self_consistency"]
    assert all(0 < int(right) <= 100 and int(tokens) > 50 and int(vote) > 0 for _, right, tokens, vote in measured)
    [until, fixed] = [int(tokens) for _, _, tokens, _ in measured]
    assert until < fixed  # fewer than four drafts on most problems


def test_a_grader_of_ones_own_chooses_better_than_chance(tmp_path: Path) -> None:
    out = example("own_grader.py", tmp_path)
    chosen = re.findall(r"^(\S+): its choice .* right in (\d+)% of 40 problems; a single draft in (\d+)%$", out, re.M)
    assert [name for name, *_ in chosen] == ["own_grader.py:sums_hold", "likelihood"]
    assert int(chosen[0][1]) > int(chosen[0][2])
    trust = re.findall(r"^(\d+) drafts have (\d+)% sums that hold: (\d+)% right$", out, re.MULTILINE)
    assert sum(int(drafts) for drafts, *_ in trust) <= 160
    shares = [int(share) for _, share, _ in trust]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert int(trust[-1][2]) > 75


def test_a_night_grows_the_rows_and_the_same_night_again_draws_nothing(tmp_path: Path) -> None:
    """A night is named by its date, today's if none is given."""
    first, again = (example("nightly.py", tmp_path, "2026-01-01") for _ in range(2))
    today = example("nightly.py", tmp_path)
    assert first.startswith("2026-01-01: 40 new trajectories of 20 problems")
    assert again.startswith("2026-01-01: 0 new trajectories of 20 problems")
    assert re.match(r"20\d\d-\d\d-\d\d: 40 new trajectories of 20 problems", today)
    kept = [
        int(count) for out in (first, again, today) for count in re.findall(r"^(\d+) rows of all", out, re.MULTILINE)
    ]
    assert kept[0] == kept[1] < kept[2]
    assert len((tmp_path / "nightly.sft.jsonl").read_text().splitlines()) == kept[2]


def test_every_example_says_how_it_is_run() -> None:
    for file in (ROOT / "examples").glob("*.py"):
        assert f"    python examples/{file.name}" in (ast.get_docstring(ast.parse(file.read_text())) or "")


def example(name: str, folder: Path, *arguments: str) -> str:
    """What a program prints in a folder of its own."""
    given = {variable: value for variable, value in os.environ.items() if not variable.startswith("REDRAFT_")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *arguments], cwd=folder, env=given,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
