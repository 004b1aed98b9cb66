"""A process reward model: how good each step of a draft is, whoever judges it (Lightman et al. 2023)."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redraft.graders.aggregate import How, Neutral, check, graded, trouble, written
from redraft.graders.grader import Grader
from redraft.graders.profiles import PROFILES, Nonsense, Profile
from redraft.graders.step_judge import JUDGES, judged
from redraft.llm.client import Client
from redraft.llm.model import ModelError
from redraft.llm.together import together
from redraft.store.errors import PartError
from redraft.store.records import Detail, Grade, Trajectory

NAME = "prm"


def prm(
    client: Client,
    *,
    profile: str = "judge",
    model: str | None = None,
    api_base: str | None = None,
    aggregate: How = "product",
    neutral: Neutral = "positive",
    log: bool = False,
    votes: int = 1,
) -> Grader:
    """Grades each step with the probability that it is good, and the draft with their `aggregate`: product, minimum,
    last or mean. What is neutral counts as `neutral`, positive or negative; with `log` the draft's value is the natural
    logarithm of the aggregate, which no long draft rounds to 0.

    `profile` is how the reward model `model`, served at `api_base`, is asked: math_shepherd, qwen, skywork, rlhflow or
    classify (see `graders/profiles.py`). Profile "judge" asks a language model, by default the writer's own, to rate
    the steps as JSON: a step's probabilities are its shares of `votes` replies.

    A draft that failed, a call that failed, another number of values than of steps, and what is no probability give no
    value, with the reason. Raises PartError for a setting that there is not, and fatal ModelErrors.
    """
    check(aggregate, neutral)
    if votes < 1:
        raise PartError(f"votes={votes} is too few; it must be at least 1")
    family = _family(profile, model)
    if model is not None:
        client = client.of(f"{family.way}:{model}" if family else model, api_base)

    async def grade(trajectory: Trajectory) -> Grade:
        empty = Grade(NAME, trajectory.trajectory_id, trajectory.turn, grader_model=client.model.name)
        if reason := trouble(trajectory):
            return replace(empty, reason=reason)
        try:
            if family is None:
                details = await judged(client, trajectory, votes)
            else:
                details = await _asked(client, family, trajectory)
        except Nonsense as error:
            return replace(empty, reason=str(error))
        except ModelError as error:
            if error.fatal:
                raise
            return replace(empty, reason=str(error))
        return graded(empty, trajectory, details, how=aggregate, neutral=neutral, log=log)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await together(grade(trajectory) for trajectory in trajectories)

    return grader


def _family(profile: str, model: str | None) -> Profile | None:
    """The profile of this name; None for a language model as the judge. Raises PartError."""
    if profile in JUDGES:
        return None
    if profile not in PROFILES:
        raise PartError(f"no profile {profile!r} of grader 'prm'; there are {', '.join((*JUDGES, *PROFILES))}")
    if model is None:
        raise PartError(
            f"profile {profile!r} of grader 'prm' needs a reward model: set grader.model and grader.api_base"
        )
    return PROFILES[profile]


async def _asked(client: Client, family: Profile, trajectory: Trajectory) -> list[Detail]:
    """What a reward model's server says. Raises ModelError and Nonsense."""
    calls = family.show(trajectory.question.text, written(trajectory))
    requests = [client.request(messages, temperature=0, max_tokens=1) for messages in calls]
    drawn = await together(client.draw(trajectory.question, "grade", trajectory.place, request) for request in requests)
    replies: list[Any] = []
    for [choice] in drawn:
        if isinstance(choice, ModelError):
            raise choice
        replies.append(json.loads(choice.text))
    return family.read(replies)
