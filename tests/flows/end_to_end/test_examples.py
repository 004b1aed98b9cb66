"""The programs in examples/ run as a reader runs them."""

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
