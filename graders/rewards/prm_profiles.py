"""Profiles, one for each family of process reward models. A profile says how a draft is sent to the model's server, and
where the reply has the values of the steps.

No profile applies softmax, because the server is asked for probabilities (`use_activation`), and a second softmax would
move every value towards 1/2. If a row does not sum to 1, the server has not applied softmax, and the row is rejected.
Only the profiles "skywork" and "steps" ask for logits.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from redraft.llm.model import Message
from redraft.store.trajectory import Detail

Shown = list[list[Message]]
"""The messages of each call that shows a draft to the model."""


class Nonsense(Exception):
    """A reply has no usable values, or a draft can't be judged. The message says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The format of a family of reward models. `show(question, steps)` returns the messages of each call. `read`
    returns the steps' probabilities from the JSON of the replies, or raises Nonsense. `way` is one of REWARDS in
    `llm/providers/route.py`. `tag` is the token that ends a step, if the server finds the steps by it. If
    `whole`, the white space around steps is sent, too."""

    way: str
    show: Callable[[str, Sequence[str]], Shown]
    read: Callable[[Sequence[Any]], list[Detail]]
    tag: str = ""
    whole: bool = False

    def calls(self, question: str, steps: Sequence[str]) -> Shown:
        """Returns the messages of each call. Raises Nonsense if the question or a step contains the tag, because the
        tag would shift the values to wrong steps."""
        texts = {"the question": question} | {f"step {number}": step for number, step in enumerate(steps, start=1)}
        for place, text in texts.items():
            if self.tag and self.tag in text:
                raise Nonsense(f"{place} holds {self.tag!r}, which ends a step for this reward model")
        return self.show(question, steps)

    def details(self, replies: Sequence[Any]) -> list[Detail]:
        """Returns the probabilities of the steps. Raises Nonsense if the replies have none, also because the server
        does not find the tag."""
        found = self.read(replies)
        if self.tag and not found:
            raise Nonsense(
                f"the server finds no token {self.tag!r} in the draft: set --pooler-config"
                """ '{"step_tag_id": NUMBER}' of the server to the token's number, or choose another profile"""
            )
        return found


def _shepherd(question: str, steps: Sequence[str]) -> Shown:
    lines = [
        f"{'' if re.match(r'Step [0-9]+:', step) else f'Step {number}: '}{step} {SHEPHERD}"
        for number, step in enumerate(steps, start=1)
    ]
    return [[Message("input", f"{question} " + "\n".join(lines))]]


def _qwen(question: str, steps: Sequence[str]) -> Shown:
    ended = "".join(f"{step}{QWEN_TAG}" for step in steps)
    return [[Message("system", QWEN), Message("user", question), Message("assistant", ended)]]


def _skywork(question: str, steps: Sequence[str]) -> Shown:
    """Returns the messages of one call. After each line comes a separate token for the line's end, as in the model's
    training. The value of a step is the value of its last line."""
    pieces = [Message("piece", f"<|endoftext|>{question}\n")]
    for step in steps:
        *lines, last = step.split("\n")
        pieces += [Message("piece", piece) for line in lines for piece in (line, "\n") if piece]
        pieces += [Message("piece", last), Message("end", "\n")]
    return [pieces]


def _steps(question: str, steps: Sequence[str]) -> Shown:
    """Returns the messages of one call: pieces that each end with a line's end, as the trainer `trl` tokenizes them."""
    return [[Message("piece", f"{question}\n"), *(Message("end", f"{step}\n") for step in steps)]]


def _rlhflow(question: str, steps: Sequence[str]) -> Shown:
    """Returns the messages of one call for each step. A "+" follows each earlier step, as in the model's training."""
    texts = [f"{question} {steps[0]}", *steps[1:]]
    turns = [[Message("user", text), Message("assistant", "+")] for text in texts]
    return [[message for turn in turns[:last] for message in turn] + turns[last][:1] for last in range(len(turns))]


def _prefixes(question: str, steps: Sequence[str]) -> Shown:
    return [[Message("input", "\n\n".join([question, *steps[:end]])) for end in range(1, len(steps) + 1)]]


def _solutions(question: str, steps: Sequence[str]) -> Shown:
    """Returns the messages of one call: the question with each partial solution, as the format `value` writes it."""
    return [[Message("input", f"{question}\n\n{text}") for text in accumulate(steps)]]


def probabilities(row: Any, classes: Sequence[int] = ()) -> list[float]:
    """Returns a row of a reply as a list of probabilities. Raises Nonsense if the row is not one, or if its number of
    classes is not in `classes`; an empty `classes` allows any number."""
    if not isinstance(row, list) or not row or not all(type(p) in (int, float) for p in row):
        raise Nonsense(f"{row!r:.80} is no row of numbers")
    if classes and len(row) not in classes:
        raise Nonsense(f"a row of {len(row)} numbers where {' or '.join(map(str, classes))} are expected")
    if not all(math.isfinite(p) for p in row):
        raise Nonsense(f"{row!r:.80} are not finite")
    if not all(0 <= p <= 1 for p in row):
        raise Nonsense(f"{row!r:.80} are no probabilities{LOGITS}")
    if len(row) > 1 and abs(math.fsum(row) - 1) > ROUNDED:
        raise Nonsense(f"{row!r:.80} do not sum to 1{LOGITS}")
    return row


def _columns(good: int) -> Callable[[Sequence[Any]], list[Detail]]:
    """Returns a function that reads replies with a row of two probabilities for each step. `good` is the index of the
    class `good` in a row."""

    def read(replies: Sequence[Any]) -> list[Detail]:
        rows = [probabilities(row, (2,)) for row in replies[0]]
        return [Detail(p_good=row[good], p_bad=row[1 - good]) for row in rows]

    return read


def _ratings(replies: Sequence[Any]) -> list[Detail]:
    """Returns the details of rows with one, two or three classes. Their orders are: good; bad, good; bad, neutral,
    good. All rows must have the same number of classes."""
    rows = [probabilities(row, (1, 2, 3)) for row in replies[0]]
    if len({len(row) for row in rows}) > 1:
        raise Nonsense("the rows of the reply have different numbers of classes")
    return [
        Detail(
            p_good=row[-1],
            p_neutral=row[1] if len(row) == 3 else None,
            p_bad=1 - row[0] if len(row) == 1 else row[0],
        )
        for row in rows
    ]


def _logits(replies: Sequence[Any]) -> list[Detail]:
    """Returns the probabilities of the steps from one logit for each step. The server sends raw logits, so the sigmoid
    function is applied here."""
    found = []
    for row in replies[0]:
        number = row[0] if isinstance(row, list) and len(row) == 1 else None
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise Nonsense(f"{row!r:.80} is no logit")
        good = 1 / (1 + math.exp(-number)) if number >= 0 else math.exp(number) / (1 + math.exp(number))
        found.append(Detail(p_good=good, p_bad=1 - good))
    return found


def _signs(replies: Sequence[Any]) -> list[Detail]:
    """Returns the probability of "+" for each reply, divided by the sum of the probabilities of "+" and "-". A reply
    lists only the most likely tokens. If one sign is missing, its probability is at most that of the least likely
    listed token. Raises Nonsense if this bound leaves the result uncertain."""
    found = []
    for number, tops in enumerate(replies, start=1):
        logs = {sign: tops[sign] for sign in "+-" if sign in tops}
        if not all(isinstance(log, int | float) and log <= LOG_ROUNDED for log in tops.values()) or not logs:
            raise Nonsense(f"the reply to step {number} is neither + nor -")
        least = min(tops.values())
        plus, minus = (math.exp(logs.get(sign, least)) for sign in "+-")
        if len(logs) < 2 and math.exp(least) > UNSEEN * (plus + minus):
            raise Nonsense(f"of step {number} the server tells only how likely {next(iter(logs))} is")
        if not plus + minus > 0:
            raise Nonsense(f"the reply to step {number} is neither + nor -")
        found.append(Detail(p_good=plus / (plus + minus), p_bad=minus / (plus + minus)))
    return found


ROUNDED = 0.02  # the largest difference from 1 of a sum of probabilities in half precision
LOG_ROUNDED = 1e-3  # the largest value of a rounded log-probability
UNSEEN = 0.01
LOGITS = ": does the model's configuration switch its activation off (problem_type)?"
SHEPHERD, QWEN_TAG = "ки", "<extra_0>"
QWEN = "Please reason step by step, and put your final answer within \\boxed{}."

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "math_shepherd": Profile("pooling", _shepherd, _columns(good=0), SHEPHERD),
        "qwen": Profile("pooling", _qwen, _columns(good=1), QWEN_TAG),
        "skywork": Profile("values", _skywork, _logits),
        "rlhflow": Profile("signs", _rlhflow, _signs),
        "classify": Profile("classify", _prefixes, _ratings),
        "steps": Profile("values", _steps, _logits),
        "value": Profile("classify", _solutions, _ratings, whole=True),
    }
)
"""The profiles by name, after peiyi9979/math-shepherd-mistral-7b-prm, Qwen/Qwen2.5-Math-PRM-7B, Skywork-o1-Open-PRM and
RLHFlow's generative PRMs. "classify" is for any classifier of prefixes with the class good, the classes bad and good,
or the classes -1, 0 and 1. "steps" and "value" are for the models that the trainer `trl` trains by these losses."""
