"""What CONTRIBUTING.md shows works, and the files for a public host call what there is."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
YAML = [ROOT / ".pre-commit-config.yaml", *sorted((ROOT / ".github").rglob("*.yml"))]


def test_the_walk_to_a_strategy_works(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    programs = re.findall(r"^ +```python title=(\S+)\n(.*?)^ +```$", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in programs] == ["longest.py", "test_longest.py"]
    for name, program in programs:
        (tmp_path / name).write_text(dedent(program))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_longest.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("file", YAML, ids=lambda file: file.name)
def test_a_file_for_the_host_calls_targets_that_are_there(file: Path) -> None:
    read = yaml.safe_load(file.read_text())
    assert read
    called = {command.split()[1] for command in commands(read) if command.startswith("make ")}
    assert called - TARGETS == set()
    programs = {command.split()[0] for command in commands(read) if command.startswith(".venv/bin/")}
    assert [program for program in programs if not (Path(sys.executable).parent / Path(program).name).exists()] == []


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name)
def test_a_workflow_may_only_read_and_names_the_versions_of_its_actions(file: Path) -> None:
    read = yaml.safe_load(file.read_text())
    assert read["permissions"] == {"contents": "read"}
    actions = re.findall(r"uses: (\S+)", file.read_text())
    assert actions
    assert [action for action in actions if not re.search(r"@v\d", action)] == []


def test_the_check_runs_on_every_python_that_is_supported() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())
    tried = workflow["jobs"]["check"]["strategy"]["matrix"]["python"]
    project = (ROOT / "pyproject.toml").read_text()
    assert tried == re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)


def commands(read: Any) -> list[str]:
    """The lines of every `run` and `entry` in a YAML file."""
    if isinstance(read, list):
        return [command for each in read for command in commands(each)]
    if not isinstance(read, dict):
        return []
    own = [line for key in ("run", "entry") for line in str(read.get(key, "")).splitlines()]
    return [*own, *(command for each in read.values() for command in commands(each))]
