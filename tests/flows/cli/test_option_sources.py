"""A mistake in an option names the place that its value comes from: the environment, or redraft.toml."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Store

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


async def test_the_command_line_is_before_the_users_eyes(commands: Any) -> None:
    for arguments in (["--samples", "many"], ["--strategy", "corect"], ["--set", "turn=2"], ["--db", "no/x.duckdb"]):
        told = await line(commands, [*GENERATE, *arguments], {"REDRAFT_SEED": "3", "REDRAFT_MAX_TOKENS": "20"})
        assert "on the command line" not in told or arguments[0] == "--samples"
        assert "environment" not in told
        assert "redraft.toml" not in told


async def test_a_place_is_named_only_for_the_value_that_is_wrong(commands: Any, tmp_path: Path) -> None:
    Store(tmp_path / "s.duckdb").close()
    env = {"REDRAFT_DB": "s.duckdb", "REDRAFT_FORMAT": "prm"}
    told = await line(commands, ["export", "x.jsonl", "--format", "sft"], env)
    assert told.startswith("redraft: no row to write: 0 kept, 0 dropped: dataset ")
    assert told.endswith(" in s.duckdb")
    told = await line(commands, ["export", "x.jsonl", "--format", "best_worst", "--set", "grader=prm"], env)
    assert told.startswith("redraft: grader 'prm' has judged no draft of s.duckdb: run `redraft annotate --grader prm`")
    assert told.endswith("(s.duckdb is from REDRAFT_DB in the environment)")


SHARED = """
db = "r.duckdb"
filter = ["correct", "length most=400", "cap"]

[set]
turns = 2
style = "text"

[set.cap]
most = 2

[set.feedback]
threshold = -1
"""


async def test_arguments_in_the_file_reach_the_commands_that_they_concern(commands: Any, tmp_path: Path) -> None:
    (tmp_path / "redraft.toml").write_text(SHARED)

    async def done(*arguments: str) -> str:
        code, out, err = await commands(arguments, {})
        assert code == 0, err
        return out

    def spec() -> Any:
        with Store(tmp_path / "r.duckdb") as store:
            [[found]] = store.query("SELECT filter FROM datasets ORDER BY created_at DESC LIMIT 1").rows
        return json.loads(found)

    await done("generate", "--limit", "2", "--samples", "1", "--max-tokens", "64")
    await done("filter")
    capped = [{"name": "correct"}, {"name": "length", "most": 400}, {"name": "cap", "most": 2}]
    assert spec()["filters"] == capped
    await done("filter", "--filter", "unaided")
    assert spec()["filters"] == [{"name": "unaided"}]
    await done("filter", "--preview")
    for arguments in (["--set", "cap.most=2"], ["--set", "turns=2"]):
        assert "no argument" in await line(commands, ["filter", "--filter", "unaided", *arguments], {})
    (tmp_path / "redraft.toml").write_text(SHARED.replace("[set.cap]", "[set.capp]"))
    told = await line(commands, ["filter"], {})
    assert "no argument 'capp.most' of these filters" in told
    assert told.endswith("(capp.most is from 'set' in redraft.toml)")
