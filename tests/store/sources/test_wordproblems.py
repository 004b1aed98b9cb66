"""Every built-in problem says what its solution solves, and every text made from it keeps its promise."""

import itertools
import random
import re

import pytest

from redraft.store.sources.wordproblems import Story, attempt, backward, problems, stories


def drawn(level: int, number: int = 60) -> list[Story]:
    return list(itertools.islice(stories(random.Random(level), level), number))


def holds(line: str) -> bool:
    equation = re.search(r"(\d+)([-+*/])(\d+)=(\d+)", line)
    assert equation, line
    left, sign, right, result = equation.groups()
    return {
        "+": int(left) + int(right),
        "-": int(left) - int(right),
        "*": int(left) * int(right),
        "/": int(left) / int(right),
    }[sign] == int(result)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_level_takes_one_step_more_than_its_number_and_every_line_holds(level: int) -> None:
    for story in drawn(level):
        *lines, last = story.solution.split("\n")
        assert len(lines) == level + 1
        assert all(map(holds, lines))
        assert last == f"#### {story.answer}"
        assert re.findall(r"=(\d+)", lines[-1]) == [str(story.answer)]


@pytest.mark.parametrize("level", [1, 3, 5])
def test_the_question_shows_each_number_once(level: int) -> None:
    for story in drawn(level):
        assert sorted(map(int, re.findall(r"\d+", story.question))) == sorted(story.numbers)


def test_a_rephrasing_changes_every_sentence_and_nothing_else() -> None:
    rng = random.Random(0)
    for story in drawn(3):
        other = story.rephrase(rng)
        assert all(a != b for a, b in zip(story.wording, other.wording, strict=True))
        assert other.question != story.question
        assert (other.solution, other.split) == (story.solution, story.split)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_a_backward_question_is_solved_by_the_number_it_hides(level: int) -> None:
    rng, made = random.Random(0), 0
    for story in drawn(level):
        if asked := backward(story, rng):
            made += 1
            *lines, last = asked.solution.split("\n")
            assert all(map(holds, lines))
            assert last == f"#### {asked.answer}"
            told = asked.question.split(f" The answer is {story.answer}. What is x?")
            assert told[1:] == [""]
            assert re.sub(r"\bx\b", str(asked.answer), told[0]) == story.question
    assert made > 40


@pytest.mark.parametrize("level", [1, 3, 5])
def test_a_wrong_attempt_is_right_up_to_the_step_it_names(level: int) -> None:
    rng = random.Random(0)
    for story in drawn(level):
        wrong = attempt(story, rng)
        at = wrong.first_wrong
        assert list(wrong.lines[:at]) == story.lines()[:at]
        assert wrong.lines[at] != story.lines()[at]
        assert wrong.equation in wrong.lines[at]
        assert holds(wrong.lines[at]) == (wrong.error != "slip")
        assert wrong.labels == (True,) * at + (False,) * (level + 1 - at)
        assert wrong.answer != story.answer


def test_the_program_computes_the_answer() -> None:
    for story in drawn(4):
        names: dict[str, int] = {}
        exec(story.program, {"__builtins__": {}}, names)
        assert names["answer"] == story.answer


def test_one_problem_in_ten_is_held_out() -> None:
    splits = [story.split for level in (1, 2, 3, 4, 5) for story in drawn(level, 1000)]
    assert 400 < splits.count("heldout") < 600


def test_the_source_repeats_by_seed_and_keeps_its_promises() -> None:
    first, again = (list(itertools.islice(problems(levels=(2, 4), seed=7), 50)) for _ in range(2))
    assert first == again
    assert first != list(itertools.islice(problems(levels=(2, 4), seed=8), 50))
    assert [p.level for p in first] == [2, 4] * 25
    assert {p.split for p in first} == {"heldout"}
    assert len({p.question for p in first}) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "test"}, "no split 'test'; there are train, heldout"),
        ({"levels": (0,)}, r"no levels \[0\]; there are 1 to 5"),
    ],
)
def test_an_unknown_split_or_level_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(problems(**arguments))
