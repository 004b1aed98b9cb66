"""A grader by a process reward model, which gives each step the probability that it is good (Lightman et al. 2023)."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import How, Neutral, check, graded, unjudgeable, written
from redraft.graders.rewards.llm_prm import JUDGES, judged
from redraft.graders.rewards.prm_profiles import PROFILES, Nonsense, Profile
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.reward_model import (
    ProcessRewardModel,
    embedded_reward_model,
    reward_folder,
)
from redraft.store.errors import PartError, alternatives
from redraft.store.trajectory import Detail, Grade, Trajectory

NAME, EMBEDDED = "prm", "embedded"


def prm(
    client: Client,
    *,
    profile: str | None = None,
    model: str | None = None,
    api_base: str | None = None,
    aggregate: How = "product",
    neutral: Neutral = "positive",
    log: bool = False,
    votes: int = 1,
) -> Grader:
    """Grades each step with the probability that it is good, and the draft with the `aggregate` of these probabilities:
    product, minimum, last or mean. `neutral` says whether a neutral step counts as positive or negative. With `log` the
    draft's value is the natural logarithm of the aggregate, which does not round to 0 for a long draft.

    `profile` says how the reward model `model`, served at `api_base`, is asked: math_shepherd, qwen, skywork, rlhflow,
    classify, steps or value (see `rewards/prm_profiles.py`). The profile "judge" asks a language model, by default the
    writer's own, to rate the steps as JSON; the probability of a rating is its fraction among `votes` replies. The
    profile "embedded" uses the reward model that redraft includes, or one that was trained into a folder, if `model` is
    "embedded:FOLDER". These judge only the built-in problems, and need no call. The default is "embedded" for drafts of
    the embedded model, and "judge" for all others.

    The grade has a reason instead of a value if the draft or a call failed, if the number of values differs from the
    number of steps, or if a value is not a probability. Raises PartError for an unknown setting, and fatal ModelErrors.
    """
    check(aggregate, neutral)
    if votes < 1:
        raise PartError(f"votes={votes} is too few; it must be at least 1")
    folder = reward_folder(model)
    own_model = folder is not None or (model is None and _embedded(client))
    profile = profile or (EMBEDDED if own_model else "judge")
    family = _family(profile, None if folder else model)
    own = embedded_reward_model(folder) if profile == EMBEDDED else None
    if model is not None and own is None:
        client = client.for_model(f"{family.way}:{model}" if family else model, api_base)
    judge = own.name if own else client.model.name

    async def grade(trajectory: Trajectory) -> Grade:
        empty = Grade(NAME, trajectory.trajectory_id, trajectory.turn, grader_model=judge)
        if reason := unjudgeable(trajectory):
            return replace(empty, reason=reason)
        try:
            if own:
                details = await asyncio.to_thread(_embedded_values, own, trajectory)
            elif family is None:
                details = await judged(client, trajectory, votes)
            else:
                details = await _served_values(client, family, trajectory)
        except Nonsense as error:
            return replace(empty, reason=str(error))
        except ModelError as error:
            if error.fatal:
                raise
            return replace(empty, reason=str(error))
        return graded(empty, trajectory, details, how=aggregate, neutral=neutral, log=log)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(trajectory) for trajectory in trajectories)

    return grader


def _family(profile: str, model: str | None) -> Profile | None:
    """Returns the profile of this name, or None if the name needs no reward model's server. Raises PartError."""
    if profile == EMBEDDED and model is not None:
        raise PartError(f"profile 'embedded' of grader 'prm' has its own model: leave model={model!r} out")
    if profile in (*JUDGES, EMBEDDED):
        return None
    if profile not in PROFILES:
        raise PartError(
            f"no profile {profile!r} of grader 'prm'; {alternatives(profile, (EMBEDDED, *JUDGES, *PROFILES))}"
        )
    if model is None:
        raise PartError(
            f"profile {profile!r} of grader 'prm' needs a reward model: set grader.model and grader.api_base"
        )
    return PROFILES[profile]


def _embedded(client: Client) -> bool:
    """Returns whether the writer is a model that only solves the built-in problems."""
    return getattr(client.model, "sources", None) == ("builtin",)


def _embedded_values(model: ProcessRewardModel, trajectory: Trajectory) -> list[Detail]:
    """Returns the values that the embedded reward model gives the steps. Raises ModelError."""
    values = model.score(trajectory.question.text, written(trajectory))
    return [Detail(p_good=value, p_bad=1 - value) for value in values]


async def _served_values(client: Client, family: Profile, trajectory: Trajectory) -> list[Detail]:
    """Returns the values that a reward model's server gives the steps. Raises ModelError and Nonsense."""
    steps = [step.text for step in trajectory.draft() if step.text.strip()] if family.whole else written(trajectory)
    calls = family.calls(trajectory.question.text, steps)
    requests = [client.request(messages, temperature=0, max_tokens=1) for messages in calls]
    drawn = await gather(client.draw(trajectory.question, "grade", trajectory.place, request) for request in requests)
    replies: list[Any] = []
    for [choice] in drawn:
        if isinstance(choice, ModelError):
            raise choice
        replies.append(json.loads(choice.text))
    return family.details(replies)
