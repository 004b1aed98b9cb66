"""`redraft pipeline`: the three that ship, over HTTP; mistakes that are found before a model is asked."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.cli.pipeline import FOLDER, names
from redraft.store import Store

ROOT = Path(__file__).parents[3]
QUESTIONS = (("Ann has 3 bags with 4 pens each. How many pens is that?", 12), ("What is 5 times 6?", 30))
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"
MUGGLE = ("change the numbers", "bring fractions", "combine this one", "add a condition", "more complex")


def write(messages: Sequence[Mapping[str, Any]], seed: int, sample: int) -> str:
    """Rewrites as it is asked, and answers every product rightly, but the last sample of some."""
    text = str(messages[-1]["content"]).removeprefix("<user>").removesuffix("<end><assistant>")
    if not text:
        return f"What is {seed % 7 + 2} times {sample + 3}?"
    asked = text.split("\n\n")[-1]
    if text.startswith("Rephrase"):
        return f"Tell me: {asked}"
    if text.endswith("Statement:"):
        return f"The result is {text.split('Answer: ')[-1].split()[0]}."
    if text.startswith("Write a new question"):
        return f"{MUGGLE.index(next(word for word in MUGGLE if word in text)) + 7} more? {asked}"
    if "yes or no" in text:
        return "Yes."
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if len(numbers) < 2:
        return "Hello."  # what a server is asked when it is met first
    unknown = re.search(r"variable x", text)
    known = numbers[-1] // numbers[0] if unknown and numbers[0] else 1
    right = known if unknown else numbers[-1] * numbers[-2]
    return f"I multiply.\n\\boxed{{{right}}}"


@pytest.fixture
def source(tmp_path: Path) -> str:
    lines = [json.dumps({"question": question, "answer": str(answer)}) for question, answer in QUESTIONS]
    (tmp_path / "seeds.jsonl").write_text("\n".join(lines))
    return "seeds.jsonl"


@pytest.fixture
def server(openai_server: Any) -> Any:
    openai_server.write = write
    return openai_server


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def run(commands: Any, *arguments: str, **env: str) -> tuple[int, str, str]:
    return await commands(["pipeline", *arguments], env)


async def test_metamath_is_one_command(server: Any, commands: Any, source: str, tmp_path: Path) -> None:
    given = ("metamath", "--source", source, "--model", "m", "--api-base", server.url)
    code, out, err = await run(commands, *given)
    assert code == 0, err
    stages = ["metamath: augment", "metamath: diversity", "metamath: generate", "metamath: export"]
    assert [line for line in err.splitlines() if line in stages] == stages
    assert "rephrase: 2 of 2 rewrites accepted" in out
    store = Store(tmp_path / "redraft.duckdb", create=False)
    exported = [row["prompt"][0]["content"] for row in rows(tmp_path / "metamath.jsonl")]
    kinds = dict(store.query("SELECT question, coalesce(augmentation, 'seed') FROM problems").rows)
    assert {kinds[question] for question in exported} >= {"seed", "rephrase", "fobar", "self_verification"}
    assert store.query("SELECT DISTINCT stage FROM runs ORDER BY ALL").rows == [
        ("augment",),
        ("diversity",),
        ("generate",),
    ]
    asked = len(server.requests)
    code, _, err = await run(commands, *given)
    assert (code, len(server.requests)) == (0, asked), err  # nothing is asked twice
    assert [row["prompt"][0]["content"] for row in rows(tmp_path / "metamath.jsonl")] == exported


async def test_mugglemath_is_one_command(server: Any, commands: Any, source: str, tmp_path: Path) -> None:
    code, out, err = await run(commands, "mugglemath", "--source", source, "--model", "m", "--api-base", server.url)
    assert code == 0, err
    assert out.count("2 of 2 rewrites accepted") == 5
    exported = {row["prompt"][0]["content"] for row in rows(tmp_path / "mugglemath.jsonl")}
    assert exported == {f"{number} more? {question}" for number in range(7, 12) for question, _ in QUESTIONS}


async def test_scalequest_is_one_command(server: Any, commands: Any, source: str, tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text(f"chat_template = {json.dumps(TEMPLATE)}")
    given = ("scalequest", "--source", source, "--model", "m", "--api-base", server.url)
    code, _, err = await run(commands, *given, REDRAFT_PROMPTS="chat.toml")
    assert code == 0, err
    exported = rows(tmp_path / "scalequest.jsonl")
    written = {row["prompt"][0]["content"] for row in exported}
    assert 1 <= len(exported) == len(written) <= 2
    assert all(re.fullmatch(r"What is \d times \d\?", question) for question in written)


async def test_scalequest_takes_the_best_of_five_by_a_reward_model(
    server: Any, commands: Any, source: str, tmp_path: Path, openai_protocol: Any
) -> None:
    """The reward model likes the fourth sample of each question, which is right as the others are."""
    server.write = lambda messages, seed, sample: (
        write(messages, seed, sample) + ("\nI am sure." if sample == 3 else "")
    )
    rewards = await openai_protocol.OpenAIServer(reward=lambda text: 0.9 if "I am sure." in text else 0.2).start()
    text = (FOLDER / "scalequest.toml").read_text()
    grader = f'\n[generate.set.grader]\nprofile = "classify"\nmodel = "rm"\napi_base = "{rewards.url}"\n\n[export]'
    changed = text.replace('grader = "likelihood"', 'grader = "orm"').replace("\n[export]", grader)
    (tmp_path / "mine.toml").write_text(changed)
    (tmp_path / "chat.toml").write_text(f"chat_template = {json.dumps(TEMPLATE)}")
    try:
        given = ("mine.toml", "--source", source, "--model", "m", "--api-base", server.url)
        code, _, err = await run(commands, *given, REDRAFT_PROMPTS="chat.toml")
    finally:
        await rewards.stop()
    assert code == 0, err
    exported = rows(tmp_path / "scalequest.jsonl")
    assert exported
    assert all(row["completion"][0]["content"].endswith("I am sure.") for row in exported)


async def test_the_embedded_model_does_what_it_was_trained_for(commands: Any, tmp_path: Path) -> None:
    given = ("--source", "builtin:levels=1", "--limit", "3")
    code, out, err = await run(commands, "metamath", *given)
    assert code == 0, err
    cure = "the embedded model was not trained for it: name another with --model"
    assert f"left out: self_verification ({cure})" in err
    assert re.search(r"^fobar: \d+ of \d+ rewrites accepted", out, re.MULTILINE)
    assert rows(tmp_path / "metamath.jsonl")
    for name, method in (("mugglemath", "change_numbers"), ("scalequest", "question_writer")):
        code, _, err = await run(commands, name, *given)
        assert (code, err.splitlines()[-1]) == (2, f"redraft: method {method!r} is not possible: {cure}")


PIPELINE = """
about = "a test"
[augment]
source = "builtin:levels=1"
method = ["fobar"]
limit = 2
samples = 2
[export]
file = "rows.jsonl"
filter = ["correct"]
"""


async def test_a_pipeline_of_ones_own_is_a_file(commands: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PIPELINE)
    (tmp_path / "redraft.toml").write_text('samples = 9\ndb = "other.duckdb"\n')
    code, _, err = await run(commands, "mine.toml", "--limit", "3", REDRAFT_SAMPLES="1")
    assert code == 0, err
    assert "mine.toml: a test" in err
    store = Store(tmp_path / "other.duckdb", create=False)  # as redraft.toml says
    config = "SELECT config ->> '$.samples', (SELECT count(DISTINCT parent_id) FROM rewrites) FROM runs"
    assert store.query(config).rows == [("1", 3)]  # the environment and the command line override the file
    assert rows(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[augmnt]\n", "no table [augmnt]; there are import, augment"),
        ("augment = 3\n", "no table [augment]"),
        ("[pipeline]\n", "no table [pipeline]"),
        ("[augment]\nsample = 3\n", "[augment]: no option 'sample'"),
        ("[augment]\nsamples = 2\n[generate]\nsamples = 'x'\n", "'samples' in [generate] of the pipeline mine.toml"),
        ("[augment]\n[export]\nfile = 'a.jsonl'\nfilter = ['corect']\n", "no filter 'corect'"),
        ("[augment]\n[export]\n", "Missing argument 'FILE'"),
        ("[augment]\ntop-p = 0.5\ntop_p = 0.6\n", "are the same option"),
        ("about = 'nothing'\n", "no table: write one for each command"),
        ("[augment\n", "mine.toml is no TOML"),
    ],
)
async def test_a_mistake_is_found_before_a_stage_runs(commands: Any, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    code, out, err = await run(commands, "mine.toml")
    assert (code, out) == (2, "")
    assert told in err.splitlines()[-1]
    assert not list(tmp_path.glob("*.duckdb"))


async def test_an_unknown_pipeline_is_a_line(commands: Any) -> None:
    code, _, err = await run(commands, "metamth")
    assert (code, "there are metamath, mugglemath, scalequest" in err) == (2, True)
    code, _, err = await run(commands, "nowhere.toml")
    assert (code, "nowhere.toml: there is no such file" in err) == (2, True)


async def test_a_stage_that_fails_stops_the_pipeline_and_the_same_command_goes_on(
    server: Any, commands: Any, source: str, tmp_path: Path
) -> None:
    fails = True

    def away(messages: Sequence[Mapping[str, Any]], seed: int, sample: int) -> str:
        if fails and "variable x" in str(messages[-1]["content"]):
            raise ConnectionError
        return write(messages, seed, sample)

    server.write = away
    (tmp_path / "mine.toml").write_text(PIPELINE)
    given = ("mine.toml", "--source", source, "--model", "m", "--api-base", server.url)
    code, _, err = await run(commands, *given, REDRAFT_PATIENCE="0")
    assert code != 0, err
    assert not (tmp_path / "rows.jsonl").exists()
    fails = False
    code, _, err = await run(commands, *given)
    assert code == 0, err
    assert rows(tmp_path / "rows.jsonl")


def test_the_pipelines_that_ship_are_these(redraft: Callable[..., Any]) -> None:
    assert names() == ["metamath", "mugglemath", "scalequest"]
    assert all(name in redraft("pipeline", "--help").stdout for name in names())


@pytest.mark.parametrize("name", names())
def test_the_guide_shows_the_pipelines_that_ship(name: str) -> None:
    page = (ROOT / "docs" / "augment.md").read_text()
    [shown] = re.findall(rf"^```toml title={name}\.toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown == (FOLDER / f"{name}.toml").read_text()
