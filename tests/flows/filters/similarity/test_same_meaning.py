"""same_meaning: texts with nearly the same embedding."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from redraft.flows.filters.similarity import meaning_index
from redraft.flows.filters.similarity.meaning_index import Meanings
from redraft.store import Problem, Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
CAR = "The car drives quickly along the road to the city."
AUTO = "The automobile drives fast along the street to the town."
BREAD = "She bakes bread with flour, water and a pinch of salt."


async def test_a_paraphrase_is_dropped_and_another_subject_stays(by_hand: ByHand, outcome: Filtered) -> None:
    store = by_hand({"a": [{"text": text} for text in (CAR, AUTO, BREAD, CAR.lower())], "b": [{"text": CAR}]})
    found = await outcome(store, ["same_meaning least=0.7"])
    first = store.query("SELECT trajectory_id FROM trajectories WHERE problem_id = 'a' AND sample = 0").rows[0][0]
    assert [found[name] for name in ("a.0", "a.2", "b.0")] == [None, None, None]
    for name in ("a.1", "a.3"):
        reason = found[name] or ""
        assert reason.startswith("same meaning: cosine ")
        assert reason.endswith(f" with {first}")


async def test_questions_of_the_store_are_compared(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [Problem(text, "1", problem_id=name) for name, text in (("a", CAR), ("b", BREAD), ("c", CAR + " "))]
    store = by_hand({name: [{}] for name in "abc"}, problems)
    found = await outcome(store, ["same_meaning of=question"])
    assert found == {"a.0": None, "b.0": None, "c.0": "same meaning: cosine 1.00 with a"}


def test_blocks_find_the_first_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning_index, "BLOCK", 7)
    chance = np.random.default_rng(3)
    vectors = chance.normal(size=(60, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = Meanings(0.2)
    for number, vector in enumerate(vectors):
        near = np.flatnonzero(vectors[:number] @ vector >= 0.2)
        match = index.find(vector)
        assert (match and match.name) == (str(near[0]) if len(near) else None)
        index.add(str(number), vector)
    assert index.find(np.zeros(256, np.float32)) is None
    assert not index.read("  ").any()


async def test_a_similarity_above_one_is_a_mistake(by_hand: ByHand, outcome: Filtered) -> None:
    with pytest.raises(PartError, match=r"same_meaning.least=1.1 is no similarity"):
        await outcome(by_hand({"a": [{}]}), ["same_meaning least=1.1"])


def test_without_the_extra_one_line_says_what_to_install(by_hand: ByHand, tmp_path: Path) -> None:
    store = by_hand({"a": [{}, {}]})
    hidden = "import sys; sys.modules['wordllama'] = None; from redraft.flows.cli.start import main; main()"
    command = [sys.executable, "-c", hidden, "filter", "--db", store.path, "--filter", "same_meaning"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    line = "filters by meaning need the package wordllama, which is not installed: install redraft[meaning]"
    assert done.returncode != 0
    assert done.stderr.startswith(f"redraft: {line}")
    assert len(done.stderr.splitlines()) == 1
