"""One story by hand, and what follows from it: its question, solution, program and backward questions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.store.sources.wordproblems.backward import Backward, backward
from redraft.store.sources.wordproblems.story import Equation, Ref, Story, calculate, state

HARVEST = Story(
    family="farm",
    level=1,
    numbers=(6, 4, 10),
    equations=(
        Equation(("n", 0), "*", ("n", 1), "All give {e} apples."),
        Equation(("s", 0), "-", ("n", 2), "The good ones are {e}."),
    ),
    says=(("Ann picks {0} apples from each of {1} trees.", "{1} trees give {0} apples each."), ("But {2} rot.",)),
    asks=("How many are good?", "How many does she keep?"),
    wording=(0, 0, 1),
)


def story(numbers: tuple[int, ...], *equations: tuple[Ref, str, Ref]) -> Story:
    says = tuple((f"It is {{{number}}}.",) for number in range(len(numbers)))
    steps = tuple(Equation(left, sign, right, "So {e}.") for left, sign, right in equations)
    return Story("none", 1, numbers, steps, says, ("What is it?",), (0,) * (len(numbers) + 1))


@pytest.mark.parametrize(
    ("left", "sign", "right", "result"),
    [(7, "+", 0, 7), (7, "-", 7, 0), (7, "-", 8, None), (7, "*", 0, 0), (8, "/", 4, 2), (8, "/", 3, None),
     (0, "/", 5, 0), (8, "/", 0, None)],
)  # fmt: skip
def test_results_are_whole_numbers_from_zero_on(left: int, sign: str, right: int, result: int | None) -> None:
    assert calculate(left, sign, right) == result
    assert Equation(("n", 0), sign, ("n", 1), "").work(left, right) == result


def test_all_of_a_story_follows_from_its_numbers_and_equations() -> None:
    assert HARVEST.results == (24, 14)
    assert HARVEST.answer == 14
    assert HARVEST.question == "Ann picks 6 apples from each of 4 trees. But 10 rot. How many does she keep?"
    assert HARVEST.lines() == ["All give 6*4=24 apples.", "The good ones are 24-10=14."]
    assert HARVEST.solution == "All give 6*4=24 apples.\nThe good ones are 24-10=14.\n#### 14"
    assert HARVEST.program == "a = 6 * 4\nanswer = a - 10"
    assert HARVEST.facts(("x", "y", "z")) == "Ann picks x apples from each of y trees. But z rot."
    assert state([], 3) == "#### 3"


def test_a_story_without_a_whole_result_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^4-6 is no whole number from 0 on$"):
        _ = story((4, 6), (("n", 0), "-", ("n", 1))).answer


def test_a_division_of_a_program_is_one_of_whole_numbers() -> None:
    found: dict[str, object] = {}
    exec(story((8, 2), (("n", 0), "/", ("n", 1))).program, {}, found)
    assert repr(found["answer"]) == "4"


def test_the_split_is_that_of_the_structure_and_not_of_the_words() -> None:
    others = [story((n, 4, 10), *((e.left, e.sign, e.right) for e in HARVEST.equations)) for n in range(3, 200)]
    assert 8 <= sum(other.split == "heldout" for other in others) <= 35  # one in ten of 197
    again = [story(other.numbers, *((e.left, e.sign, e.right) for e in other.equations)) for other in others]
    assert [other.split for other in again] == [other.split for other in others]


def test_the_backward_questions_of_a_story_by_hand() -> None:
    found = {asked.answer: asked for seed in range(30) if (asked := backward(HARVEST, random.Random(seed)))}
    end = "How many does she keep? The answer is 14. What is x?"
    assert found == {
        6: Backward(
            f"Ann picks x apples from each of 4 trees. But 10 rot. {end}",
            "Going back, 14+10=24.\nGoing back, 24/4=6.\n#### 6", 6,
        ),
        4: Backward(
            f"Ann picks 6 apples from each of x trees. But 10 rot. {end}",
            "Going back, 14+10=24.\nGoing back, 24/6=4.\n#### 4", 4,
        ),
        10: Backward(
            f"Ann picks 6 apples from each of 4 trees. But x rot. {end}",
            "All give 6*4=24 apples.\nGoing back, 24-14=10.\n#### 10", 10,
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (story((3,), (("n", 0), "+", ("n", 0))), "the number stands in it twice"),
        (story((3, 2), (("n", 0), "*", ("n", 1)), (("n", 0), "+", ("n", 1))), "no number reaches the end once"),
        (story((0, 0), (("n", 0), "*", ("n", 1))), "anything times 0 is 0"),
        (story((0, 5), (("n", 0), "/", ("n", 1)), (("s", 0), "*", ("s", 0))), "a result stands in it twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_number_without_a_way_back_is_not_asked_for(case: Story, why: str) -> None:
    assert [backward(case, random.Random(seed)) for seed in range(5)] == [None] * 5, why


SIGNS = some.lists(some.sampled_from("+-*/"), min_size=1, max_size=4)


@given(SIGNS, some.lists(some.integers(0, 12), min_size=5, max_size=5), some.booleans(), some.randoms())
def test_the_hidden_number_is_the_only_one_that_gives_the_answer(
    signs: list[str], numbers: list[int], turned: bool, rng: random.Random
) -> None:
    steps: list[tuple[Ref, str, Ref]] = []
    for place, sign in enumerate(signs):
        before: Ref = ("s", place - 1) if place else ("n", 0)
        sides: tuple[Ref, Ref] = (before, ("n", place + 1))
        steps.append((sides[1], sign, sides[0]) if turned else (sides[0], sign, sides[1]))
    given_story = story(tuple(numbers[: len(signs) + 1]), *steps)
    try:
        answer = given_story.answer
    except ValueError:
        return
    asked = backward(given_story, rng)
    if asked is None:
        return
    place = asked.question.split(" What is it?")[0].replace("It is ", "").split().index("x.")
    assert given_story.numbers[place] == asked.answer
    fits = []
    for other in range(13):
        tried = story((*given_story.numbers[:place], other, *given_story.numbers[place + 1 :]), *steps)
        try:
            fits += [other] if tried.answer == answer else []
        except ValueError:
            continue
    assert fits == [asked.answer]
