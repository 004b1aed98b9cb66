"""What was found out about models is kept between processes, and its loss is never an error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.providers.openai_server.server_facts import NO_FACTS, ServerFacts, facts_from_json
from redraft.llm.providers.shared.capabilities_cache import LIFETIME_S, CapabilityCache


def test_facts_are_recalled_by_another_memory_of_the_same_file(tmp_path: Path) -> None:
    CapabilityCache(tmp_path / "models.json").store("a", {"n": True})
    CapabilityCache(tmp_path / "models.json").store("b", {"n": False})
    memory = CapabilityCache(tmp_path / "models.json")
    assert (memory.load("a"), memory.load("b"), memory.load("c")) == ({"n": True}, {"n": False}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["models.json"]


def test_facts_are_forgotten_a_week_after_the_first(tmp_path: Path) -> None:
    clock = [0.0]
    memory = CapabilityCache(tmp_path / "models.json", now=lambda: clock[0])
    memory.store("a", {"n": True})
    clock[0] = LIFETIME_S - 1
    memory.store("a", {"n": False})
    assert memory.load("a") == {"n": False}
    clock[0] = LIFETIME_S + 1
    assert memory.load("a") == {}
    memory.store("b", {})
    assert json.loads(memory.path.read_text()) == {"b": {"found": LIFETIME_S + 1, "facts": {}}}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        '{"a": 7}',
        '{"a": {"found": "x", "facts": {}}}',
        '{"a": {"found": 9e12, "facts": []}}',
        "\xff",
    ],
)
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(content.encode("latin-1"))
    memory = CapabilityCache(path)
    assert memory.load("a") == {}
    memory.store("a", {"n": True})
    assert CapabilityCache(path).load("a") == {"n": True}


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    memory = CapabilityCache(tmp_path / "file" / "models.json")
    memory.store("a", {"n": True})
    assert memory.load("a") == {}


def test_a_process_that_is_killed_while_it_writes_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    CapabilityCache(path).store("a", {"n": True})
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from redraft.llm.providers.shared.capabilities_cache import CapabilityCache\n"
        "while True:\n"
        "    CapabilityCache(Path(sys.argv[1])).store('b', {'long': 'x' * 100_000})\n    print(flush=True)\n"
    )
    for lines in (1, 3):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
        assert CapabilityCache(path).load("a") == {"n": True}


def test_the_file_is_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    memory = CapabilityCache()
    memory.store("a", {"n": True})
    assert memory.path == tmp_path / "redraft" / "models.json"
    assert memory.path.exists()


def test_facts_come_back_as_they_were() -> None:
    facts = ServerFacts(
        Capabilities(n=False, seed=True, continuing=Continuing.TRAILING),
        probed=True,
        left_out=frozenset({"n", "seed"}),
        most=1,
        repeats=True,
        renders="tokenize",
    )
    assert facts_from_json(json.loads(json.dumps(facts.as_json()))) == facts
    assert facts_from_json(NO_FACTS.as_json()) == NO_FACTS
    assert NO_FACTS.as_json() == {"capabilities": {}}


@pytest.mark.parametrize(
    "data",
    [{"capabilities": {"flies": True}}, {"swims": True}, {"capabilities": {"continuing": "magic"}}, {"left_out": 7}],
)
def test_facts_of_another_version_are_nothing_known(data: dict[str, object]) -> None:
    assert facts_from_json(data) == NO_FACTS
