"""Reward models of each family behind vLLM, started by the commands of docs/graders.md on tiny weights, against the
values that transformers computes."""

import json
import math
import re
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from real_servers import Server, reward_model, run_python, running, vllm_reward_model
from redraft.graders.grader import Grader
from redraft.graders.orm import orm
from redraft.graders.prm import prm
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import ModelError
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory

pytestmark = pytest.mark.servers

TOLERANCE = 1e-5
DRAFTS = [
    ["How many - 3 + 4?", "First, we add 3 and 4.", "Second\n* that is 7.", "It is 7."],
    ["What is 2 + 2?", "The sum is 4."],
    ["What is 5 - 3?", *(f"Line {number}: we take {number} away." for number in range(12))],
]
LONG = ["How many?", "We add 3 and 4. " * 100]  # more tokens than the models' context has
GUIDE = Path(__file__).parents[3] / "docs" / "graders.md"
CLASSIFIERS = ("one_class", "two_classes", "three_classes")
OURS = ("steps", "value")  # of the trainer `trl`
FAMILIES = ("qwen", "math_shepherd", "rlhflow", "skywork", *CLASSIFIERS, *OURS)


def arguments(family: str) -> list[str]:
    """The arguments of a family's command in the guide, after the model's name."""
    [block] = re.findall(r"^```text\n(# qwen\n.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    commands = dict(re.findall(r"^# (.+)\n((?:.+\n)+)", block, re.MULTILINE))
    [command] = [command for names, command in commands.items() if family in re.split(r", | \(", names)]
    vllm, serve, _, *rest = shlex.split(command.replace("\\\n", " "))
    assert (vllm, serve) == ("vllm", "serve")
    return rest


@dataclass(frozen=True)
class Family:
    """A family's server, and the values that transformers gives each draft."""

    name: str
    server: Server
    expected: list[list[Any]]

    @property
    def profile(self) -> str:
        return "classify" if self.name in CLASSIFIERS else self.name


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    folder = tmp_path_factory.mktemp(request.param)
    expected = reward_model(request.param, folder, DRAFTS)
    if request.param == "skywork":
        [program] = re.findall(r"^```python title=rename_head.py\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
        run_python("vllm", "-c", program, str(folder))
    with running(vllm_reward_model(arguments(request.param)), folder) as server:
        yield Family(request.param, server, expected)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(Scripted(lambda request, index: ""), limits=Limits(tries=1))
    yield client
    await client.close()


Make = Callable[..., Grader]


async def grades(make: Make, client: Client, family: Family, drafts: list[list[str]], **settings: Any) -> list[Grade]:
    grader = make(client, model=family.server.model, api_base=family.server.url, **settings)
    trajectories = []
    for number, (question, *steps) in enumerate(drafts):
        trajectory = Trajectory(Question(f"p{number}", question, unit=f"u{number}"), stop=Stop.ANSWERED)
        for step in [*(f"{step}\n\n" for step in steps[:-1]), steps[-1]]:
            trajectory = trajectory.grow(step, 0)
        trajectories.append(trajectory)
    return await grader(trajectories)


async def test_the_values_are_those_of_transformers(family: Family, client: Client) -> None:
    """Each step has one, and they differ from step to step."""
    found = await grades(prm, client, family, DRAFTS, profile=family.profile, neutral="negative")
    for grade, draft, expected in zip(found, DRAFTS, family.expected, strict=True):
        good = [value[-1] if isinstance(value, list) else value for value in expected]
        assert (grade.reason, len(grade.steps)) == (None, len(draft) - 1)
        assert grade.steps == pytest.approx(good, abs=TOLERANCE)
        assert len({round(value, 4) for value in good}) > len(good) / 2
        if family.name == "three_classes":
            classes = [(detail.p_bad, detail.p_neutral, detail.p_good) for detail in grade.details]
            assert classes == [pytest.approx(value, abs=TOLERANCE) for value in expected]


async def test_a_classifier_is_an_outcome_reward_model_too(family: Family, client: Client) -> None:
    """Of a whole draft. Another server ends the run."""
    drafts = [draft[:2] for draft in DRAFTS]
    if family.name == "value":
        return  # it is a classifier with one class
    if family.name not in CLASSIFIERS:
        with pytest.raises(ModelError, match="or choose another profile") as failed:
            await grades(orm, client, family, drafts, profile="classify")
        assert failed.value.fatal
        return
    for good in (0, -1):
        found = await grades(orm, client, family, drafts, profile="classify", good=good)
        expected = [values[0][good] for values in family.expected]
        assert [grade.value for grade in found] == pytest.approx(expected, abs=TOLERANCE)


async def test_too_long_a_draft_has_no_value_and_a_cure(family: Family, client: Client) -> None:
    long, short = await grades(prm, client, family, [LONG, DRAFTS[1]], profile=family.profile)
    assert long.value is None
    assert "The draft is too long" in (long.reason or "")
    assert "Shorter drafts help, or a larger --max-model-len of the server." in (long.reason or "")
    assert "--max-tokens" not in (long.reason or "")
    assert short.value is not None


async def test_another_profile_never_gives_values(family: Family, client: Client) -> None:
    """A server of one family refuses the drafts of another, or redraft refuses its replies."""
    if family.name in OURS:
        return  # a classifier of texts is one of partial solutions; a value of each token is one of steps
    others = {"qwen", "math_shepherd", "rlhflow", "skywork", "classify"} - {family.profile}
    reasons = {profile: await refusal(client, family, profile) for profile in others}
    assert all(reasons.values())
    if family.name == "qwen":
        assert reasons["math_shepherd"].startswith("the server finds no token 'ки' in the draft: set --pooler-config")


async def refusal(client: Client, family: Family, profile: str) -> str:
    """The reason of the grade, or the words of the error that ends the run; none if there is a value."""
    try:
        [grade] = await grades(prm, client, family, DRAFTS[:1], profile=profile)
    except ModelError as error:
        return str(error) if error.fatal else ""
    return grade.reason or ""


def test_the_server_obeys_what_redraft_asks_for(family: Family) -> None:
    """Logits or probabilities, by `use_activation`; so neither is taken for the other."""
    if family.name == "rlhflow":
        return  # log-probabilities of tokens
    classifier = family.name in (*CLASSIFIERS, "value")
    text = "How many? Two.<extra_0> ки"

    def row(use_activation: bool) -> list[float]:
        body = {"model": family.server.model, "input": text, "use_activation": use_activation}
        body |= {} if classifier else {"task": "token_classify"}
        path = "classify" if classifier else "pooling"
        asked = Request(f"{family.server.url.removesuffix('/v1')}/{path}", json.dumps(body).encode(), JSON)
        with urlopen(asked, timeout=60) as reply:
            [item] = json.load(reply)["data"]
        return item["probs"] if classifier else item["data"][-1]

    logits, probabilities = row(False), row(True)
    powers = [math.exp(logit) for logit in logits]
    whole = sum(powers) if len(powers) > 1 else 1 + powers[0]
    assert probabilities == pytest.approx([power / whole for power in powers], abs=TOLERANCE)
    assert logits != pytest.approx(probabilities, abs=TOLERANCE)


JSON = {"Content-Type": "application/json"}
