"""Computes the number of requests that a search's definition needs, from the texts of the mock server. It is plain
code, independent of redraft.

The server's log has the requests. The replies can be computed from them, because a sample is a function of its request.
The definition of each search is then executed on these texts: every text that it continues must be in the log, and
counts as one request.
"""

import asyncio
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contestants.hashed import hashed

sys.path.append(str(Path(__file__).parents[1]))  # for the mock server's modules

from openai_protocol.behaviour import Behaviour
from openai_protocol.model.samples import drawn
from openai_protocol.prompts import chat

BREAK = "\n\n"


@dataclass(slots=True, eq=False)
class Draft:
    """A text, with True if it has ended, and its position in a tree."""

    text: str = ""
    ended: bool = False
    value: float = 0.0
    visits: int = 0
    closed: bool = False
    children: "list[Draft]" = field(default_factory=list)


@dataclass(slots=True)
class Given:
    """The drafts of one problem, by the number of samples of their request and the text that they continue."""

    drafts: dict[tuple[int, str], list[list[Draft]]] = field(default_factory=lambda: defaultdict(list))

    def after(self, text: str, samples: Iterable[int]) -> list[Draft]:
        """Returns the distinct drafts of the next request of one of these sizes that continues this text. The list is
        empty if there was no such request."""
        found = next((self.drafts[n, text] for n in samples if self.drafts[n, text]), None)
        return list({draft.text: draft for draft in found.pop(0)}.values()) if found else []


def given(entries: Sequence[dict[str, Any]], most: int) -> list[Given]:
    """Returns the drafts in the log, problem by problem."""
    problems: dict[str, Given] = defaultdict(Given)

    async def read() -> None:
        behaviour = Behaviour(most=most)
        for entry in entries:
            body, prompt = entry["body"], chat(behaviour, entry["body"])
            if not body.get("stop"):
                continue  # a request of a critic or a grader
            samples = await drawn(behaviour, body, prompt, None)
            texts = [prompt.prefix + one.text + BREAK * bool(one.stop_reason) for one in samples]
            drafts = [Draft(text, not one.stop_reason) for text, one in zip(texts, samples, strict=True)]
            problems[body["messages"][0]["content"]].drafts[len(drafts), prompt.prefix].append(drafts)

    asyncio.run(read())
    return list(problems.values())


def beam(told: Given, n: int = 8, width: int = 4) -> int:
    """Returns the requests of beam search: of N candidates, the N / M best open ones are continued as replicas (Snell
    et al. 2024), with one request each."""
    live, requests = [Draft()], 0
    while live:
        requests += len(live)
        found = [draft for one in live for draft in told.after(one.text, range(n, 0, -1))]
        going = [draft for draft in found if not draft.ended]
        live = sorted(going, key=lambda draft: -hashed(draft.text))[: n // width]
    return requests


def particle(told: Given) -> int:
    """Returns the requests of particle filtering: particles with the same text are replicas, so there is one request
    for each text that is continued."""
    return len({text for _, text in told.drafts})


def rest_mcts(
    told: Given, iterations: int = 8, branch: int = 3, gate: float = 0.9, eps: float = 0.7, alpha: float = 0.5
) -> int:
    """Returns the requests of ReST-MCTS* (Zhang et al. 2024) with a grader that makes one call per text, and a critic
    that makes one call per draft and never ends a draft. Counted are each expansion, the values of its children, and
    three greedy steps from the best child, each with its value. If no draft has ended, the best draft is written to its
    end, with one request and one value per step."""
    root, valued, judged, requests = Draft(), set[tuple[str, bool]](), set[Draft](), 0

    def worth(draft: Draft) -> int:
        """Sets the draft's value. Returns the number of requests for it, 0 or 1."""
        draft.value, new = hashed(draft.text), (draft.text, draft.ended) not in valued
        valued.add((draft.text, draft.ended))
        return int(new)

    def critic(draft: Draft) -> int:
        new = draft is not root and draft not in judged
        judged.add(draft)
        return int(new)

    for _ in range(iterations):
        way = _selected(root, gate, eps)
        if not way or way[-1].ended:
            break
        node = way[-1]
        node.children = told.after(node.text, [branch])
        requests += critic(node) + 1 + sum(map(worth, node.children))
        best = max(node.children, key=lambda draft: draft.value, default=None)
        if best is None:
            break
        seen, at = [], best
        requests += 0 if best.ended else critic(best)
        for _ in range(3):
            more = [] if at.ended else told.after(at.text, [1])
            if not more:
                break
            [at] = more
            requests += 1 + worth(at) + (0 if at.ended else critic(at))
            seen.append(at.value)
        best.value = (1 - alpha) * best.value + alpha * max(seen) if seen else best.value
        best.visits += 1
        for each in reversed(way):
            each.visits += 1
            visited = [child for child in each.children if child.visits]
            each.value = sum(c.visits * c.value for c in visited) / sum(c.visits for c in visited)
    leaves = [draft for draft in _all(root) if not draft.children]
    at = None if any(draft.ended for draft in leaves) else max(leaves, key=lambda draft: draft.value)
    while at and (more := told.after(at.text, [1])):  # no solution: the best draft is written to its end
        [at] = more
        requests += 1 + worth(at)
    return requests


def _all(draft: Draft) -> list[Draft]:
    return [draft, *(below for child in draft.children for below in _all(child))]


def _selected(root: Draft, gate: float, eps: float) -> list[Draft]:
    """Returns the path to the draft to visit next: an open draft, or an ended draft whose value reaches the gate. The
    list is empty if all drafts are closed."""
    while not root.closed:
        way = [root]
        while way[-1].children:
            above = way[-1]
            chances = [child for child in above.children if not child.closed]
            if not chances:
                above.closed = True
                break
            width = 2 * math.log(max(1, above.visits))
            way.append(max(chances, key=lambda c: c.value + (eps * math.sqrt(width / c.visits) if c.visits else 1.0)))
        if way[-1].closed:
            continue
        if not way[-1].ended or way[-1].value >= gate:
            return way
        way[-1].closed = True
    return []
