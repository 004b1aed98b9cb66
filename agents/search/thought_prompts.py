"""The prompts of Tree of Thoughts (Yao et al. 2023): a model is asked for several next thoughts at once, and for the
quality of thoughts. A model that understands only the prompts of its training can't be asked for thoughts."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from redraft.agents.policies.messages import conversation, with_advice
from redraft.agents.policies.policy import Policy
from redraft.agents.policies.step_reader import Continuation, extend
from redraft.agents.search.level_search import Value
from redraft.agents.search.node import Node, recorded_grade
from redraft.agents.search.search import Search
from redraft.graders.answers.extract import marked
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Choice, Finish, Message, ModelError
from redraft.llm.prompts.templates import fill
from redraft.store.trajectory import Detail, Grade, Stop, Trajectory


def proposing_policy(client: Client) -> Policy:
    """Returns a policy that asks in one call for all `n` next steps, one per line. The policy returns fewer steps if
    the model lists fewer. A step that marks an answer ends the draft. A step has the tokens and the log-probability of
    its line."""

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        left = client.sampling.max_tokens - sum(max(1, step.tokens) for step in trajectory.draft())
        if left <= 0:
            return [replace(trajectory, stop=Stop.LENGTH)]
        messages = conversation(client, trajectory)
        wording = fill(client.template("propose_thoughts"), count=str(n))
        if trajectory.text():
            messages += [Message("assistant", trajectory.text()), Message("user", wording)]
        else:
            messages[-1] = Message("user", f"{messages[-1].content}\n\n{wording}")
        request = client.request(with_advice(client, trajectory, messages), max_tokens=left)
        [drawn] = await client.draw(trajectory.question, "propose", trajectory.place, request, first=first)
        if isinstance(drawn, ModelError):
            return [replace(trajectory, stop=drawn.stop, reason=str(drawn))]
        lines = parse_thoughts(drawn, n)
        mark = client.template("separator")
        return [_extended(trajectory, first + place, line, mark) for place, line in enumerate(lines)] or [
            replace(trajectory, stop=Stop.DEAD_END, reason="The model proposed no step.")
        ]

    return propose


def parse_thoughts(choice: Choice, most: int) -> list[Choice]:
    """Returns the first `most` non-empty lines of a reply, each as a separate choice without the number or list mark
    before the text. The tokens of the whole reply are divided among these choices."""
    found = [match for match in LINE.finditer(choice.text) if match["said"].strip()][:most]
    ends = [*(match.start() for match in found[1:]), len(choice.text)] if found else []
    lines: list[Choice] = []
    begun = 0
    for match, end in zip(found, ends, strict=True):
        part = _slice(choice, begun, end)
        exact = begun == match.start("said") and not choice.text[match.end("said") : end].strip("\n")
        known = exact and part.logprobs is not None
        lines.append(replace(part, text=match["said"].strip(), **({} if known else UNKNOWN)))
        begun = end
    return lines


def judging_grader(client: Client, times: int) -> Grader:
    """Returns a grader whose value is the mean of `times` judgements, in [0, 1]. `sure` counts 1, `likely` 1/20, and
    `impossible` 1/20000, which are the published ratios (20, 1, .001). A reply without any of these words is ignored.
    If no such reply remains, there is no value."""

    async def grade(trajectory: Trajectory) -> Grade:
        empty = Grade("value", trajectory.trajectory_id, trajectory.turn, grader_model=client.model.name)
        asked = fill(client.template("value_thought"), question=trajectory.question.text, solution=trajectory.text())
        drawn = await client.draw(
            trajectory.question, "grade", trajectory.place, client.request([Message("user", asked)], n=times)
        )
        values = [
            value for one in drawn if isinstance(one, Choice) and (value := judgement_value(one.text)) is not None
        ]
        if not values:
            failed = next((str(one) for one in drawn if isinstance(one, ModelError)), None)
            return replace(empty, reason=failed or "no reply ends with sure, likely or impossible")
        return replace(empty, value=sum(values) / len(values))

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(trajectory) for trajectory in trajectories)

    return grader


def judgement_value(text: str) -> float | None:
    """Returns the number for the judgement in the last line of a reply (`sure`, `likely` or `impossible`). Returns None
    if the line has no judgement."""
    line = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    found = JUDGED.fullmatch(re.sub(r"[\W_]+", " ", line).strip().lower())
    return WORDS[found[1]] if found else None


def voting_value(client: Client, times: int) -> Value:
    """Returns a function that sets the values of a round's candidates by votes. One prompt shows all candidates, and
    the model is asked `times` times which is the best. The value of a candidate is its share of the votes. A reply that
    names no candidate is no vote. If there are no votes, the new candidates have no value."""

    async def value(search: Search, nodes: Sequence[Node]) -> None:
        if not nodes:
            return
        shown = "\n\n".join(
            f"Choice {number}:\n{node.trajectory.text().strip()}" for number, node in enumerate(nodes, start=1)
        )
        asked = fill(client.template("vote_thoughts"), question=search.question.text, choices=shown)
        request = client.request([Message("user", asked)], n=times)
        drawn = await client.draw(search.question, "grade", nodes[0].trajectory.place, request)
        votes = Counter(best_choice(one.text, len(nodes)) for one in drawn if isinstance(one, Choice))
        total = votes.total() - votes.pop(None, 0)
        failed = next((str(one) for one in drawn if isinstance(one, ModelError)), None)
        search.graded += len(nodes)
        for number, node in enumerate(nodes, start=1):
            grade = Grade("vote", node.trajectory.trajectory_id, node.trajectory.turn, grader_model=client.model.name)
            if total:
                node.value = votes[number] / total
                grade = replace(grade, value=node.value, steps=(node.value,), details=(Detail(n=total),))
            else:
                grade = replace(grade, reason=failed or "no reply names the best choice")
            node.grade = recorded_grade(grade, node.trajectory) if total or node.grade is None else node.grade

    return value


def best_choice(text: str, most: int) -> int | None:
    """Returns the number, from 1 to `most`, that a reply calls the best choice. If the reply names several numbers,
    returns the last. A number of several digits is read as a whole; the regular expression of the published code reads
    12 as 2, and 10 as 0."""
    named = [int(number) for number in BEST.findall(text)]
    return named[-1] if named and 1 <= named[-1] <= most else None


def _extended(trajectory: Trajectory, number: int, line: Choice, mark: str) -> Trajectory:
    ended = marked(line.text, trajectory.question.kind) is not None
    text = line.text if ended else line.text + mark
    return extend(trajectory, number, replace(line, finish=Finish.STOP), Continuation(text, ended), [text])


def _slice(choice: Choice, start: int, end: int) -> Choice:
    """Returns the part of a choice from character `start` to `end`, with the tokens that begin there. If the offsets of
    the tokens are unknown, the part has a share of the tokens in proportion to its length."""
    if choice.offsets is None or choice.logprobs is None:
        share = choice.tokens * end // max(1, len(choice.text)) - choice.tokens * start // max(1, len(choice.text))
        return replace(choice, tokens=share, **UNKNOWN)
    first, last = bisect_left(choice.offsets, start), bisect_left(choice.offsets, end)
    offsets = tuple(offset - start for offset in choice.offsets[first:last])
    return replace(choice, tokens=last - first, logprobs=choice.logprobs[first:last], offsets=offsets)


LINE = re.compile(
    r"^[ \t]*(?:\(?\d{1,2}[.):](?=\s)|[-*•](?=\s)|(?:Step|Option|Proposal)[ ]\d{1,2}[:.])?[ \t]*(?P<said>.*)$",
    re.MULTILINE,
)
UNKNOWN: dict[str, Any] = {"logprobs": None, "offsets": None}
WORDS = {"sure": 1.0, "likely": 1 / 20, "impossible": 0.001 / 20}
JUDGED = re.compile(
    r"(?:(?:final|my|the|this|it|that|verdict|judge?ment|evaluation|answer|is) )*(sure|likely|impossible)"
)
BEST = re.compile(r"\bbest choice is\b[^\d\n]*?(\d+)", re.IGNORECASE)
