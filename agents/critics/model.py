"""The model as its own critic: the model is asked whether its draft is finished and right."""

import re
from collections.abc import Sequence

from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.policies.messages import follow_up
from redraft.llm.client.client import Client
from redraft.llm.model import Finish
from redraft.store.trajectory import Trajectory


def model(client: Client) -> Critic:
    """Asks the model, at temperature 0, whether its draft is finished and right; if not, the draft goes on.

    If a reply has no verdict, the draft goes on, and the reason states that the verdict is missing.
    """

    async def ask(trajectory: Trajectory, name: str) -> str:
        messages = follow_up(client, trajectory, name)
        [choice] = await client.complete(trajectory.question, "critique", trajectory.place, messages, temperature=0)
        return "" if choice.finish is Finish.LENGTH else choice.text  # a reply that was cut off has no verdict

    async def critique(trajectory: Trajectory) -> Critique:
        finished = await ask(trajectory, "finished")
        if verdict(finished, "yes", "no") is not True:
            return Critique(Opinion.GO_ON, reason=_refusal_reason("finished", finished, "yes", "no"))
        judged = await ask(trajectory, "judge")
        if verdict(judged, "right", "wrong") is not True:
            return Critique(Opinion.GO_ON, reason=_refusal_reason("right", judged, "right", "wrong"))
        return Critique(Opinion.FINISHED, reason="The model calls its draft finished and right.")

    return critique


def verdict(text: str, good: str, bad: str) -> bool | None:
    """Returns True if a text ends with the word `good`, and False if it ends with the word `bad`. The word must be on a
    line of its own, or in the last sentence that contains one of the two words.

    "correct" and "incorrect" are read as "right" and "wrong". Returns None if the text contains neither of the two
    words, or both of them. Also returns None if the sentence negates the word or uses it in another sense ("not right",
    "nothing wrong", "the right answer would be 8"), because only an unambiguous verdict may end a trajectory.
    """
    goods, bads = WORDS.get(good, (good,)), WORDS.get(bad, (bad,))
    lines = [re.sub(r"[\W_]+", " ", line).strip().lower() for line in text.splitlines()]
    own = LABEL.sub("", next((line for line in reversed(lines) if line), ""))
    if own in (*goods, *bads):
        return own in goods
    for sentence in reversed(re.split(r"[.!?;]\s|\n", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))):
        words = re.findall(r"n't\b|\w+?(?=n't\b)|\w+", sentence)
        named = {word in goods for word in words if word in (*goods, *bads)}
        if named:
            return _sentence_verdict(words, named, goods, bads)
    return None


def _sentence_verdict(words: Sequence[str], named: set[bool], goods: Sequence[str], bads: Sequence[str]) -> bool | None:
    """Returns the verdict of one sentence, or None. A `good` word counts only as the last word of the sentence; "yes"
    also counts as the first word."""
    if len(named) > 1 or DENIED & ({*words} - {*bads}):
        return None
    if named == {False}:
        return False
    return True if words[-1] in goods or (words[0] in goods and "yes" in goods) else None


def _refusal_reason(what: str, text: str, good: str, bad: str) -> str:
    if verdict(text, good, bad) is None:
        return f"The model was asked whether the draft is {what} and gave no verdict, {good!r} or {bad!r}."
    return f"The model says that its draft is not {what}."


WORDS = {"right": ("right", "correct"), "wrong": ("wrong", "incorrect")}
DENIED = frozenset({"not", "n't", "cannot", "never", "nothing", "no", "neither", "nor", "hardly", "if", "whether"})
LABEL = re.compile(r"^(?:(?:final|my|the|verdict|answer|judgement|judgment|conclusion|is|boxed|text) )+")
