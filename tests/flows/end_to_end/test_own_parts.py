"""Parts of one's own: what returns something else than its kind has to is told so in one line, whatever its kind."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.agents import build
from redraft.llm.client.client import Client
from redraft.llm.scripted import Scripted
from redraft.store import Question
from redraft.store.errors import PartError

Write = Callable[..., str]

OWN = """
from redraft.store import Grade, Trajectory
from redraft.agents.critics.critic import Critique
from redraft.agents.policies.policy import Policy
from redraft.agents.agent import Agent

def make(policy=None):
    {how} part(*given, **named):
        return {returned}
    return part

def returns_nothing():
    pass

async def coroutine():
    return None

def breaks():
    return {{}}["key"]
"""
GENERATE = ("generate", "builtin:levels=1", "--limit", "1", "--samples", "2")
KINDS = {
    "strategy": (["--strategy", "{own}"], "a list of Trajectory"),
    "policy": (["--strategy", "best_of_n", "--set", "policy={own}"], "a list of 2 Trajectory"),
    "grader": (["--strategy", "best_of_n", "--grader", "{own}"], "a list of 2 Grade"),
    "critic": (["--critic", "{own}"], "a Critique"),
    "feedback": (["--set", "feedback={own}"], "a list of 2 Remark or None"),
}


@pytest.fixture
def own(tmp_path: Path) -> Write:
    """Writes a file with a part that returns this, and gives its name."""

    def write(returned: str, how: str = "async def", name: str = "own.py") -> str:
        (tmp_path / name).write_text(OWN.format(returned=returned, how=how))
        return name

    return write


async def told(commands: Any, arguments: Sequence[str]) -> str:
    """The one line with which a command ends in a mistake, without what the run said before."""
    code, _, err = await commands(arguments, {})
    assert code == 2, err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("redraft: ")]
    assert len(lines) == 1, err
    return lines[0]


async def test_every_kind_of_part_from_the_command_line(own: Write, commands: Any) -> None:
    for kind, (options, wanted) in KINDS.items():
        file = own("None", name=f"{kind}.py")
        line = await told(commands, [*GENERATE, *(text.format(own=f"{file}:make") for text in options)])
        assert f"{kind} '{file}:make' returned None: it must return {wanted}" in line


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("returned", "how", "function", "says"),
    [
        ("'text'", "async def", "make", "returned a str, 'text': it must return a"),
        ("[1]", "async def", "make", "returned a list of 1, [1]: it must return a"),
        ("True", "async def", "make", "returned a bool, True: it must return a"),
        ("[]", "def", "make", "is not async: it returned a list of 0, []: it must be `async def "),
        ("[]", "def", "returns_nothing", "returned None: the function itself must return `async def "),
        ("[]", "def", "coroutine", "must not be async itself: write `def`, and return `async def "),
        ("[]", "def", "breaks", "failed: KeyError: 'key' (own.py, line 19)"),
    ],
)
async def test_what_a_part_may_do_wrong(
    kind: str, returned: str, how: str, function: str, says: str, own: Write, tmp_path: Path
) -> None:
    file = own(returned, how)
    options = [text.format(own=f"{tmp_path / file}:{function}") for text in KINDS[kind][0]]
    given: dict[str, Any] = {}
    for option, value in zip(options[::2], options[1::2], strict=True):
        name, _, rest = value.partition("=") if option == "--set" else (option.removeprefix("--"), "", value)
        given[name] = rest
    client = Client(Scripted(lambda *_: "#### 2"))
    strategy = given.pop("strategy", "correct")
    if strategy == "correct":
        given = {"feedback": "fixed", **given}

    async def solve() -> None:
        await build(strategy, client, **given)(Question("p", "What is 1 + 1?"))

    with pytest.raises(PartError) as error:
        await solve()
    assert f"{kind} 'own.py:{function}' {says}" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("__import__('json').loads('{')", "JSONDecodeError: Expecting property name"),
    ],
)
async def test_a_part_that_raises_is_named_with_the_users_line(
    kind: str, returned: str, says: str, own: Write, commands: Any
) -> None:
    file = own(returned)
    options = [text.format(own=f"{file}:make") for text in KINDS[kind][0]]
    line = await told(commands, [*GENERATE, *options])
    at = r" on problem \w+" if kind == "strategy" else ""
    assert re.search(rf"{kind} 'own.py:make' failed{at}: {says}.*\(own.py, line 9\)", line), line


CHOOSES = """
from msgspec.structs import replace

def chooses(policy, *, samples=2, chosen=1):
    async def solve(question):
        drafts = await policy(Trajectory(question), samples)
        return [replace(draft, chosen=number < chosen) for number, draft in enumerate(drafts)]
    return solve
"""


@pytest.mark.parametrize(
    ("chosen", "says"),
    [("0", "chose no trajectory of problem"), ("2", "chose 2 trajectories of problem"), ("1", "")],
)
async def test_a_strategy_that_does_not_choose_one_trajectory_is_told_so_once(
    chosen: str, says: str, commands: Any, tmp_path: Path
) -> None:
    (tmp_path / "chooses.py").write_text(OWN.partition("def make")[0] + CHOOSES)
    options = ("--strategy", "chooses.py:chooses", "--set", f"chosen={chosen}")
    code, _, err = await commands(["generate", "builtin:levels=1", "--limit", "3", "--samples", "2", *options], {})
    assert code == 0, err
    lines = [line for line in err.splitlines() if "strategy 'chooses.py:chooses'" in line]
    assert len(lines) == bool(says), err
    assert says in err


@pytest.mark.parametrize("value", ["'high'", "float('nan')", "float('inf')"])
async def test_a_grade_without_a_finite_value_is_the_graders_mistake(value: str, own: Write, tmp_path: Path) -> None:
    file = own(f"[Grade('own', path.trajectory_id, path.turn, value={value}) for path in given[0]]")
    client = Client(Scripted(lambda *_: "#### 2"))
    with pytest.raises(PartError, match=r"grader 'own.py:make' returned .* grades whose value is a finite number"):
        await build("best_of_n", client, grader=f"{tmp_path / file}:make")(Question("p", "What is 1 + 1?"))


async def test_filters_and_formats(own: Write, commands: Any, tmp_path: Path) -> None:
    code, _, err = await commands([*GENERATE, "--strategy", "greedy"], {})
    assert code == 0, err
    cases = [
        ("filter", "True", "def", "returned a bool, True: it must return None to keep a draft"),
        ("filter", "3", "def", "returned an int, 3: it must return None to keep a draft"),
        ("filter", "None", "async def", "returned a coroutine: it must return None to keep a draft"),
        ("filter", "1 / 0", "def", "failed: ZeroDivisionError: division by zero (filter3.py, line 9)"),
        ("format", "None", "def", "returned None: it must return a row as a mapping"),
        ("format", "'text'", "def", "returned a str, 'text': it must return a row as a mapping"),
        ("format", "[{'a': 1}]", "def", "returned, among its rows, a dict of 1, {'a': 1}: it must return a row"),
        ("format", "{'a': {1}}", "def", "returned a dict of 1, {'a': {1}}: a row must be JSON data"),
        ("format", "{'a': given[0].nothing}", "def", "failed: AttributeError"),
    ]
    for number, (kind, returned, how, says) in enumerate(cases):
        file = own(returned, how, f"{kind}{number}.py")
        if kind == "filter":
            command = ["filter", "--filter", f"{file}:make"]
        else:
            command = ["export", "rows.jsonl", "--filter", "length", "--format", f"{file}:make"]
        assert f"{kind} '{file}:make' {says}" in await told(commands, command)
    for kind, name in (("filter", "filter"), ("format", "export")):
        target = [] if kind == "filter" else ["rows.jsonl"]
        line = await told(commands, [name, *target, f"--{kind}", "filter3.py:returns_nothing"])
        assert f"{kind} 'filter3.py:returns_nothing' returned None: the function itself must return `def " in line
    assert not (tmp_path / "rows.jsonl").exists()


FORMAT = '''
from redraft.flows.formats.format import Format

def told(*, store) -> Format:
    """What is known of a draft."""
    def row(candidate):
        sql = f"SELECT count(*) FROM trajectories WHERE problem_id = '{candidate.problem_id}'"
        [(drafts,)] = store.query(sql).rows
        return {"answer": candidate.answer, "known": candidate.known_answer, "drafts": drafts}
    return row
'''


async def test_a_format_has_the_known_answer_and_may_ask_the_store(commands: Any, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(FORMAT)
    (tmp_path / "problems.jsonl").write_text(json.dumps({"question": "What is 1 + 1?", "answer": "2"}) + "\n")
    code, _, err = await commands(["generate", "problems.jsonl", "--strategy", "best_of_n", "--samples", "3"], {})
    assert code == 0, err
    code, _, err = await commands(["export", "rows.jsonl", "--filter", "length", "--format", "told.py:told"], {})
    assert code == 0, err
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [(row["known"], row["drafts"]) for row in rows] == [("2", 3)] * 3
