"""A mistake in an option names the place that its value comes from: the environment, or redraft.toml."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

GENERATE = ["generate", "--limit", "1"]


async def line(commands: Any, arguments: Sequence[str], env: dict[str, str]) -> str:
    code, _, err = await commands(arguments, env)
    assert code == 2, err
    assert len(err.splitlines()) == 1, err
    return err.strip()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SAMPLES", "many", "'many'"),
        ("TEMPERATURE", "-1", "-1"),
        ("STRATEGY", "corect", "no strategy 'corect'"),
        ("SET", "turn=2", "no argument 'turn'"),
        ("SET", "turns=two", "turns='two' does not fit"),
        ("PROMPTS", "nowhere.toml", "nowhere.toml"),
        ("DB", "nowhere/redraft.duckdb", "nowhere/redraft.duckdb"),
    ],
)
async def test_the_environment_and_the_file(name: str, value: str, says: str, commands: Any, tmp_path: Path) -> None:
    told = await line(commands, GENERATE, {f"REDRAFT_{name}": value})
    assert says in told
    assert f"REDRAFT_{name} in the environment" in told
    (tmp_path / "redraft.toml").write_text(f"{name.lower()} = {value!r}\n")
    told = await line(commands, GENERATE, {f"REDRAFT_{name}": ""})
    assert says in told
    assert f"'{name.lower()}' in redraft.toml" in told


async def test_the_command_line_needs_no_name(commands: Any) -> None:
    for arguments in (["--samples", "many"], ["--strategy", "corect"], ["--set", "turn=2"]):
        told = await line(commands, [*GENERATE, *arguments], {"REDRAFT_SEED": "3", "REDRAFT_MAX_TOKENS": "20"})
        assert "environment" not in told
        assert "redraft.toml" not in told
