"""language: texts in another language or script."""

from collections.abc import Awaitable, Callable

import pytest

from redraft.flows.filters.text.language import prose
from redraft.store import Problem, Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
ENGLISH = "Ann buys three pens for two dollars each, and then she has four dollars left, so she had ten dollars before."
GERMAN = "Anna kauft drei Stifte für je zwei Euro, und danach hat sie noch vier Euro übrig, also hatte sie vorher zehn."
FRENCH = "Anne achète trois stylos à deux euros chacun, et il lui reste ensuite quatre euros, donc elle en avait dix."
CHINESE = "安买了三支笔，每支两元，之后她还剩四元，所以她原来有十元。"
RUSSIAN = "Аня купила три ручки по два рубля, и у неё осталось четыре рубля, значит, раньше у неё было десять рублей."


async def test_drafts_in_another_language_are_dropped(by_hand: ByHand, outcome: Filtered) -> None:
    texts = [
        ENGLISH, GERMAN, FRENCH, CHINESE, RUSSIAN, f"{ENGLISH} 所以她有十元。 {ENGLISH}", f"{ENGLISH} {CHINESE}",
        "Zwei.", f"{ENGLISH} $\\text{{{CHINESE}}}$ ```print('{CHINESE}')```", "3 + 4 = 7", "",
        "So \\(\\alpha + β = γ\\), and αβγ is what we want.",
    ]  # fmt: skip
    found = await outcome(by_hand({"a": [{"text": text} for text in texts]}), ["language"])
    assert list(found.values()) == [
        None, "in another language: de", "in another language: fr", "in another script: 1.00 of the letters, most Han",
        "in another script: 1.00 of the letters, most Cyrillic", None,
        "in another script: 0.23 of the letters, most Han", None, None, None, None, None,
    ]  # fmt: skip
    found = await outcome(by_hand({"a": [{"text": text} for text in texts]}), ["language want=de,zh"])
    assert list(found.values())[:4] == ["in another language: en", None, "in another language: fr", None]


async def test_questions_can_be_looked_at(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [Problem(text, "10", problem_id=name) for name, text in (("e", ENGLISH), ("g", GERMAN))]
    store = by_hand({"e": [{"text": GERMAN}], "g": [{"text": ENGLISH}]}, problems)
    assert await outcome(store, ["language of=question"]) == {"e.0": None, "g.0": "in another language: de"}


async def test_an_unknown_language_is_a_mistake(by_hand: ByHand, outcome: Filtered) -> None:
    with pytest.raises(PartError, match=r"language.want='english': there are .*\(ISO 639-1\)"):
        await outcome(by_hand({"a": [{}]}), ["language want=english"])
    with pytest.raises(PartError, match=r"language\.want is empty"):
        await outcome(by_hand({"a": [{}]}), ["language want=,"])
    with pytest.raises(PartError, match=r"language\.mixed=5\.0: give a number from 0 to 1, such as 0.05"):
        await outcome(by_hand({"a": [{}]}), ["language mixed=5"])


def test_prose_has_neither_code_nor_latex() -> None:
    assert prose("So `x` is\n```py\nx = 1\n``` here").split() == ["So", "is", "here"]
    assert prose("a $x$ b $$y$$ c \\[z\\] d \\(w\\) e \\frac{u}{v} f").split() == list("abcdef")
    assert prose("\\begin{align}x\\end{align} g ```open").split() == ["g"]
