"""The counts of requests that a search's definition asks for, on texts whose counts can be seen."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "speed"


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.delitem(sys.modules, "expected", raising=False)
    import expected  # pyright: ignore[reportMissingImports]

    return expected


def told(expected: ModuleType, tree: dict[tuple[int, str], list[str]]) -> Any:
    """By the number of samples and the text before: the texts of one request; those with "end" have ended."""
    given = expected.Given()
    for place, texts in tree.items():
        given.drafts[place].append([expected.Draft(text, "end" in text) for text in texts])
    return given


def test_beam_asks_once_for_each_distinct_draft_that_is_kept(expected: ModuleType) -> None:
    kept = sorted("abc", key=lambda text: -expected.hashed(text))[:2]
    tree = {(4, ""): ["a", "b", "c", "c"]} | {(2, name): [f"{name}1", f"{name}end"] for name in kept}
    last = [f"{name}1" for name in kept]
    tree |= {(2, name): [f"{name}end", f"{name}end2"] for name in last}
    assert expected.beam(told(expected, tree), n=4, width=2) == 1 + 2 + 2
    del tree[2, last[0]]  # what is missing ends that branch, but was to be asked for
    assert expected.beam(told(expected, tree), n=4, width=2) == 5
    del tree[2, kept[0]]
    assert expected.beam(told(expected, tree), n=4, width=2) == 4


def test_particles_at_one_text_are_one_request(expected: ModuleType) -> None:
    tree = {(4, ""): ["a", "b", "a", "a"], (3, "a"): ["aend"] * 3, (1, "b"): ["bend"]}
    assert expected.particle(told(expected, tree)) == 3


def test_rest_mcts_counts_expansions_values_critics_and_three_steps_ahead(expected: ModuleType) -> None:
    best = max("ab", key=expected.hashed)
    tree = {(2, ""): ["a", "b"], (1, best): [f"{best}1"], (1, f"{best}1"): [f"{best}1end"]}
    # one expansion, two values, a critic of the best; two steps, two values, and a critic of the open one
    ahead = 1 + 2 + 1 + 2 + 2 + 1
    assert expected.rest_mcts(told(expected, tree), iterations=1, branch=2) == ahead
    for name in "ab":  # no draft of the tree has ended: the best one is written to its end, a request and a value
        tree[1, name] = [f"{name}end"]
    again = told(expected, tree)
    again.drafts[1, best].append([expected.Draft(f"{best}2end", True)])
    assert expected.rest_mcts(again, iterations=1, branch=2) == 1 + 2 + 1 + 2 + 2
