"""Profiles: one for each family of process reward models. A profile says how a draft is sent to the model's server,
and where the reply has the values of the steps.

No profile applies softmax, because vLLM's `token_classify` and `classify` have applied it already, and a second softmax
would move every value towards one half. If a row does not sum to 1, the server has not applied softmax, and the row is
refused.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from redraft.llm.model import Message
from redraft.store.trajectory import Detail

Shown = list[list[Message]]
"""The requests that show a draft to the model: the messages of each call."""


class Nonsense(Exception):
    """A reply has no usable values, or a draft can't be judged. The message says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The format of a family of reward models. `show` returns the messages of each call for a question and its steps.
    `read` returns the steps' probabilities from the JSON of the replies. Both raise Nonsense. `way` is a name in
    `llm.route.REWARDS`."""

    way: str
    show: Callable[[str, Sequence[str]], Shown]
    read: Callable[[Sequence[Any]], list[Detail]]


def _tagged(steps: Sequence[str], tag: str) -> Sequence[str]:
    """Returns the steps. Raises Nonsense if a step's text has the tag that ends each step, since the tag would shift
    the values to wrong steps."""
    for number, step in enumerate(steps, start=1):
        if tag in step:
            raise Nonsense(f"step {number} holds {tag!r}, which ends a step for this reward model")
    return steps


def _shepherd(question: str, steps: Sequence[str]) -> Shown:
    lines = [
        f"{'' if re.match(r'Step [0-9]+:', step) else f'Step {number}: '}{step} ки"
        for number, step in enumerate(_tagged(steps, "ки"), start=1)
    ]
    return [[Message("input", f"{question} " + "\n".join(lines))]]


def _qwen(question: str, steps: Sequence[str]) -> Shown:
    ended = "".join(f"{step}<extra_0>" for step in _tagged(steps, "<extra_0>"))
    return [[Message("system", QWEN), Message("user", question), Message("assistant", ended)]]


def _skywork(question: str, steps: Sequence[str]) -> Shown:
    return [[Message("piece", f"<|endoftext|>{question}\n"), *(Message("piece", f"{step}\n") for step in steps)]]


def _rlhflow(question: str, steps: Sequence[str]) -> Shown:
    """Returns the messages of one call for each step. A "+" follows each earlier step, as in the model's training."""
    texts = [f"{question} {steps[0]}", *steps[1:]]
    turns = [[Message("user", text), Message("assistant", "+")] for text in texts]
    return [[message for turn in turns[:last] for message in turn] + turns[last][:1] for last in range(len(turns))]


def _prefixes(question: str, steps: Sequence[str]) -> Shown:
    return [[Message("input", "\n\n".join([question, *steps[:end]])) for end in range(1, len(steps) + 1)]]


def probabilities(row: Any) -> list[float]:
    """Returns a row of a reply as a list of probabilities. The row may also be one number. Raises Nonsense."""
    if not isinstance(row, list) or not row or not all(type(p) in (int, float) for p in row):
        raise Nonsense(f"{row!r:.80} is no row of numbers")
    if not all(0 <= p <= 1 for p in row):
        raise Nonsense(f"{row} are no probabilities: is the model served without its activation?")
    if len(row) > 1 and abs(math.fsum(row) - 1) > ROUNDED:
        raise Nonsense(f"{row} do not sum to 1: is the model served without its activation?")
    return row


def _classes(row: Any, wanted: tuple[int, ...]) -> list[float]:
    """Returns a row as the probabilities of its classes. Raises Nonsense if their number is not in `wanted`."""
    found = probabilities(row)
    if len(found) not in wanted:
        raise Nonsense(f"a row of {len(found)} numbers where {' or '.join(map(str, wanted))} are wanted")
    return found


def _columns(good: int) -> Callable[[Sequence[Any]], list[Detail]]:
    """Returns a reader of replies that have a row of two probabilities for each step. `good` is the column of the class
    good."""

    def read(replies: Sequence[Any]) -> list[Detail]:
        rows = [_classes(row, (2,)) for row in replies[0]]
        return [Detail(p_good=row[good], p_bad=row[1 - good]) for row in rows]

    return read


def _ratings(replies: Sequence[Any]) -> list[Detail]:
    """Returns the details of rows whose classes are bad and good, or bad, neutral and good, in this order."""
    rows = [_classes(row, (2, 3)) for row in replies[0]]
    return [Detail(p_good=row[-1], p_neutral=row[1] if len(row) == 3 else None, p_bad=row[0]) for row in rows]


def _logits(replies: Sequence[Any]) -> list[Detail]:
    """Returns the probabilities of replies that have one logit for each step. The server sends logits as they are, so
    the sigmoid function is applied here."""
    found = []
    for row in replies[0]:
        number = row[0] if isinstance(row, list) and len(row) == 1 else None
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise Nonsense(f"{row!r:.80} is no logit")
        good = 1 / (1 + math.exp(-number)) if number >= 0 else math.exp(number) / (1 + math.exp(number))
        found.append(Detail(p_good=good, p_bad=1 - good))
    return found


def _signs(replies: Sequence[Any]) -> list[Detail]:
    """Returns the probability of "+" as its share of the probabilities of "+" and "-". A reply has only the likeliest
    tokens. If a sign is missing, it is at most as likely as the last listed token; if that bound leaves the share
    uncertain, there is no value."""
    found = []
    for number, tops in enumerate(replies, start=1):
        logs = {sign: tops[sign] for sign in "+-" if sign in tops}
        if not all(isinstance(log, int | float) and log <= 0 for log in tops.values()) or not logs:
            raise Nonsense(f"the reply to step {number} is neither + nor -")
        least = min(tops.values())
        plus, minus = (math.exp(logs.get(sign, least)) for sign in "+-")
        if len(logs) < 2 and math.exp(least) > UNSEEN * (plus + minus):
            raise Nonsense(f"of step {number} the server tells only how likely {next(iter(logs))} is")
        if not plus + minus > 0:
            raise Nonsense(f"the reply to step {number} is neither + nor -")
        found.append(Detail(p_good=plus / (plus + minus), p_bad=minus / (plus + minus)))
    return found


ROUNDED = 0.02  # the most by which the sum of probabilities in half precision may differ from 1
UNSEEN = 0.01
QWEN = "Please reason step by step, and put your final answer within \\boxed{}."

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "math_shepherd": Profile("pooling", _shepherd, _columns(good=0)),
        "qwen": Profile("pooling", _qwen, _columns(good=1)),
        "skywork": Profile("values", _skywork, _logits),
        "rlhflow": Profile("signs", _rlhflow, _signs),
        "classify": Profile("classify", _prefixes, _ratings),
    }
)
"""The families by name, after peiyi9979/math-shepherd-mistral-7b-prm, Qwen/Qwen2.5-Math-PRM-7B, Skywork-o1-Open-PRM and
RLHFlow's generative PRMs; "classify" is any classifier of prefixes with the classes bad and good, or -1, 0 and 1."""
