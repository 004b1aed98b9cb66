"""How each family of reward models is shown a draft, and what its numbers mean."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.graders.rewards.llm_prm import RATINGS, read
from redraft.graders.rewards.prm_profiles import PROFILES, Nonsense, probabilities

STEPS = ["One.", "Step 2: two."]


def shown(family: str, steps: list[str] = STEPS) -> list[list[tuple[str, str]]]:
    return [[(message.role, message.content) for message in call] for call in PROFILES[family].show("Q?", steps)]


def test_steps_are_numbered_once_and_end_with_the_families_tag() -> None:
    assert shown("math_shepherd") == [[("input", "Q? Step 1: One. ки\nStep 2: two. ки")]]
    [[system, asked, ended]] = shown("qwen")
    assert (system[0], asked, ended) == (
        "system", ("user", "Q?"), ("assistant", "One.<extra_0>Step 2: two.<extra_0>"),
    )  # fmt: skip


def test_a_step_is_shown_after_what_stood_before_it() -> None:
    first = ("user", "Q? One.")
    assert shown("rlhflow") == [[first], [first, ("assistant", "+"), ("user", "Step 2: two.")]]
    assert shown("classify") == [[("input", "Q?\n\nOne."), ("input", "Q?\n\nOne.\n\nStep 2: two.")]]
    assert shown("rlhflow", ["One."]) == [[first]]


def test_skyworks_lines_end_with_a_token_of_their_own() -> None:
    """As in its training: the ends of lines are tokenized apart, and the last one of a step has its value."""
    [pieces] = shown("skywork", ["One.\n\nTwo.", "Three."])
    assert pieces == [
        ("piece", "<|endoftext|>Q?\n"),
        *(("piece", text) for text in ("One.", "\n", "\n", "Two.")),
        ("end", "\n"),
        ("piece", "Three."),
        ("end", "\n"),
    ]


def test_the_verifiers_of_trl_are_shown_what_they_were_trained_on() -> None:
    """Pieces that the server tokenizes one by one; or whole texts, with the space that the model wrote."""
    assert shown("steps") == [[("piece", "Q?\n"), ("end", "One.\n"), ("end", "Step 2: two.\n")]]
    assert shown("value", ["One.\n", "Two."]) == [[("input", "Q?\n\nOne.\n"), ("input", "Q?\n\nOne.\nTwo.")]]
    assert [name for name, profile in PROFILES.items() if profile.whole] == ["value"]


@pytest.mark.parametrize(("family", "tag"), [("math_shepherd", "ки"), ("qwen", "<extra_0>")])
def test_a_step_that_holds_the_tag_is_refused(family: str, tag: str) -> None:
    with pytest.raises(Nonsense, match=f"^step 2 holds '{tag}', which ends a step for this reward model$"):
        PROFILES[family].calls("Q?", ["One.", f"two {tag}"])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (3, "3 is no row of numbers"),
        ([], r"\[\] is no row of numbers"),
        ([True, False], "is no row of numbers"),
        (["0.5", "0.5"], "is no row of numbers"),
        ([1.5, -0.5], "are no probabilities: does the model's configuration switch its activation off"),
        ([0.5, 0.4], "do not sum to 1"),
        ([math.nan, 0.5], "are not finite"),
    ],
)
def test_a_row_that_is_none_of_probabilities(row: Any, words: str) -> None:
    with pytest.raises(Nonsense, match=words):
        probabilities(row)


def test_probabilities_in_half_precision_may_miss_one_by_a_little() -> None:
    assert probabilities([0.5, 0.485]) == [0.5, 0.485]
    assert probabilities([0.25]) == [0.25], "a single one need not sum to 1"


def goods(family: str, replies: list[Any]) -> list[float | None]:
    return [detail.p_good for detail in PROFILES[family].read(replies)]


def test_the_good_class_stands_where_the_family_has_it() -> None:
    rows = [[0.9, 0.1], [0.2, 0.8]]
    assert goods("math_shepherd", [rows]) == [0.9, 0.2]
    assert goods("qwen", [rows]) == [0.1, 0.8]
    [[one], [two], [three]] = [PROFILES["classify"].read([[row]]) for row in ([0.3], [0.3, 0.7], [0.2, 0.3, 0.5])]
    assert (one.p_bad, one.p_neutral, one.p_good) == (0.7, None, 0.3)
    assert (two.p_bad, two.p_neutral, two.p_good) == (0.3, None, 0.7)
    assert (three.p_bad, three.p_neutral, three.p_good) == (0.2, 0.3, 0.5)
    with pytest.raises(Nonsense, match="a row of 3 numbers where 2 are expected"):
        goods("qwen", [[[0.2, 0.3, 0.5]]])
    with pytest.raises(Nonsense, match="a row of 4 numbers where 1 or 2 or 3 are expected"):
        goods("classify", [[[0.25] * 4]])


@given(some.floats(-1e4, 1e4))
def test_a_logit_is_a_probability_at_any_size(logit: float) -> None:
    [detail] = PROFILES["skywork"].read([[[logit]]])
    assert detail.p_good is not None
    assert detail.p_bad == 1 - detail.p_good
    assert detail.p_good == pytest.approx((1 + math.tanh(logit / 2)) / 2)  # the same function by another formula


@pytest.mark.parametrize("row", [0.5, [], [0.1, 0.2], ["1"], [math.inf], [None]])
def test_what_is_no_logit(row: Any) -> None:
    with pytest.raises(Nonsense, match="is no logit"):
        goods("skywork", [[row]])


@pytest.mark.parametrize(
    ("tops", "good"),
    [
        ({"+": math.log(0.6), "-": math.log(0.2), "x": math.log(0.1)}, 0.75),
        ({"+": 0.0, "-": -1e9}, 1.0),
        # the other sign is at most as likely as the least likely token that is told: 0.001 of 0.801
        ({"-": math.log(0.8), "x": math.log(0.001)}, 0.001 / 0.801),
    ],
)
def test_signs_are_shares_of_the_two(tops: dict[str, float], good: float) -> None:
    [found] = goods("rlhflow", [tops])
    assert found == pytest.approx(good)


@pytest.mark.parametrize(
    ("tops", "words"),
    [
        ({"x": -0.1}, "the reply to step 1 is neither"),
        ({}, "the reply to step 1 is neither"),
        ({"+": 0.5, "-": -1.0}, "the reply to step 1 is neither"),
        ({"+": -1.0, "x": -1.5}, r"of step 1 the server tells only how likely \+ is"),
        ({"+": -1e9, "-": -1e9}, "the reply to step 1 is neither"),
    ],
)
def test_signs_that_tell_nothing(tops: dict[str, float], words: str) -> None:
    with pytest.raises(Nonsense, match=words):
        goods("rlhflow", [tops])


def rated(*ratings: str, first: int = 1) -> str:
    rows = [{"step": number, "reason": "{x}", "rating": rating} for number, rating in enumerate(ratings, first)]
    return json.dumps({"steps": rows})


@given(some.lists(some.sampled_from(RATINGS), min_size=1, max_size=4), some.sampled_from(["", "```json\n", "{ So: "]))
def test_ratings_are_read_from_between_words(ratings: list[str], before: str) -> None:
    reply = f"{before}{rated(*ratings)}\n``` Done."
    assert read(reply, len(ratings)) == ratings
    assert read(reply, len(ratings) + 1) is None


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "{" * 3000,
        '{"steps": 3}',
        rated("good", "fine"),
        rated("good", "bad", first=0),
        '{"steps": [{"step": 1, "rating": "good"}, {"step": 1, "rating": "bad"}]}',
        '{"steps": [{"step": 1, "rating": "good"}, {"step": 2, "rating": "bad"}, 3]}',
        rated("good", "bad") + rated("bad"),  # the last object counts, and it rates one step
    ],
    ids=lambda reply: reply[:30],
)
def test_a_reply_that_does_not_rate_each_of_two_steps(reply: str) -> None:
    assert read(reply, 2) is None
