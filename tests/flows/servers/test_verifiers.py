"""Verifiers that a server serves: where they are asked, beside whom, and the values that they give."""

import itertools
import math
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.self_train import self_train
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.servers.command import command
from redraft.flows.servers.lora import lora
from redraft.flows.servers.model_server import ServerError, ServingTask
from redraft.llm.client.client import Client
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.model import HERE, embedded
from redraft.llm.providers.embedded.reward_model import ProcessRewardModel, embedded_reward_model
from redraft.store import Store

SERVE = Path(__file__).with_name("serve_embedded.py")
NUDGE = Path(__file__).parents[1] / "self_training" / "nudge.py"
PROMPTS = Prompts(templates={"solve": "solve\n{question}"})
JUDGED = """
samples = 2

[labels]
grader = "prm"

[labels.arguments.grader]
profile = "embedded"

[policy]
format = "sft"
filters = ["correct"]
start = "last"
rows = "last"

[verifier]
format = "prm"
loss = "{loss}"
grader = "prm"
searches = true

[verifier.arguments]
grader = "prm"

[verifier.judges]
model = "{{verifier}}"
"""
"""A method whose verifier is a classifier, which guides the next round."""
GRADES = """
SELECT s.problem_id, s.text, g.value, g.grader_model, g.run_id FROM grades g JOIN samples s USING (trajectory_id)
WHERE g.grader = '{grader}' AND g.step_id IS NULL AND s.recipe = '{recipe}' AND s.replicate = '{replicate}'
ORDER BY ALL"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def loop(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[SelfTraining]]:
    """A loop whose policy and verifier are served by programs; folders of the embedded model stand for both."""
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    for name in ("weights.npz", "tokenizer.json"):
        shutil.copyfile(HERE / name, Path("mine") / name)
    serve = f"{sys.executable} {SERVE} {{model}} {{port}} {log}"
    arguments = {
        "trainer.command": f"{sys.executable} {NUDGE} {{rows}} {{base}} {{out}}",
        "server.command": serve,
        "server.verifier_command": serve,
    }
    common: dict[str, Any] = {
        "model": "mine", "prompts": PROMPTS, "trainer": "command", "server": "command", "db": "r.duckdb",
        "limit": 6, "heldout_limit": 4, "heldout_samples": 2, "progress": Silent(), "all_rounds": True,
    }  # fmt: skip

    async def run(method: str, **given: Any) -> SelfTraining:
        return await self_train("builtin:levels=2", method=method, arguments=arguments, **{**common, **given})

    return run


def started(log: Path) -> list[tuple[str, str]]:
    """Which server started and which ended, in order. Servers that start or end together are ordered by name."""
    lines = [line.split(" ", 2) for line in log.read_text().splitlines()]
    events = [(what, Path(folder).name) for what, _, folder in lines]
    return [
        event for _, together in itertools.groupby(events, key=lambda event: event[0]) for event in sorted(together)
    ]


def judged_by(rewards: ProcessRewardModel, question: str, text: str, loss: str) -> float:
    """The product of the values of a draft's lines, as the verifier is shown them: with `prm` each line without the
    spaces around it, with `value` each beginning of the draft as it was written."""
    lines = [line for line in text.splitlines(keepends=True) if line.strip()]
    if loss == "prm":
        return math.prod(rewards.score(question, [line.strip() for line in lines]))
    return math.prod(rewards.score(question, begun.strip().split("\n"))[-1] for begun in itertools.accumulate(lines))


async def test_a_verifier_that_writes_is_read_beside_the_first_model(
    loop: Callable[..., Awaitable[SelfTraining]], log: Path
) -> None:
    found = await loop("v_star", samples=4)
    assert started(log)[-8:] == [
        ("start", "policy"), ("end", "policy"), ("start", "mine"), ("start", "verifier"), ("end", "mine"),
        ("end", "verifier"), ("start", "policy"), ("end", "policy"),
    ]  # fmt: skip
    store, verifier = Store("r.duckdb"), f"{found.folder}/round-1/verifier"
    last = found.rounds[1]
    grades = store.query(
        GRADES.format(grader="implicit", recipe=last.evaluation_recipe, replicate=last.evaluation_replicate)
    ).rows
    assert len(grades) == 8
    assert {name for *_, name, _ in grades} == {verifier}
    models = embedded(verifier), embedded("mine")
    client = Client(models[1], prompts=PROMPTS)
    for problem_id, text, value, *_ in grades:
        question = next(one for one in store.problems() if one.problem_id == problem_id).ask()
        read = [sum(await model.answer_logprobs([client.ask(question)], text)) for model in models]
        assert value == pytest.approx(1 / (1 + 2.718281828 ** (-0.1 * (read[0] - read[1]))), abs=1e-6)
    asked = "SELECT round, indicator FROM collapse WHERE indicator IN ('verifier_auroc', 'reference_loss') ORDER BY ALL"
    assert (1, "reference_loss") in store.query(asked).rows, "a server that tells log-probabilities is watched by them"
    assert (await loop("v_star", samples=4)).rounds == found.rounds


@pytest.mark.parametrize("loss", ["prm", "value"])
async def test_a_classifier_judges_and_guides_the_policy_that_is_served_beside_it(
    loop: Callable[..., Awaitable[SelfTraining]], log: Path, loss: str
) -> None:
    Path("own.toml").write_text(JUDGED.format(loss=loss))
    found = await loop("own.toml", rounds=2)
    store, rewards = Store("r.duckdb"), embedded_reward_model()
    first = f"{found.folder}/round-1/verifier"
    for recipe, replicate, count in (
        (found.rounds[1].evaluation_recipe, found.rounds[1].evaluation_replicate, 8),
        (found.rounds[2].generation_recipe, found.rounds[2].generation_replicate, 12),
    ):
        grades = store.query(GRADES.format(grader="prm", recipe=recipe, replicate=replicate)).rows
        judged = [row for row in grades if row[3] == first]
        assert len(judged) == count
        for problem_id, text, value, *_ in judged:
            question = next(one for one in store.problems() if one.problem_id == problem_id).question
            assert value == pytest.approx(judged_by(rewards, question, text, loss), abs=1e-5), text
    events = started(log)
    beside = [(now[1], after[1]) for now, after in itertools.pairwise(events) if now[0] == after[0] == "start"]
    assert beside == [("policy", "verifier")], "the policy writes beside the verifier in the second round alone"


async def test_a_classifier_needs_a_command_of_its_own_and_has_no_adapters(tmp_path: Path) -> None:
    task = ServingTask(name="v", weights=tmp_path, api_base="http://x", say=lambda line: None, classifies=True)
    for server, says in (
        (command(command="serve {model}"), r"v is a classifier: set server\.verifier_command, such as 'vllm serve"),
        (lora(), "serves policies, and v is a classifier: take --server command"),
    ):
        with pytest.raises(ServerError, match=says):
            async with server(task):
                pass
