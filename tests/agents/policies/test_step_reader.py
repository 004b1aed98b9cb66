"""Steps: how a choice's text, tokens and log-probabilities are shared out among the steps that it is cut into."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from redraft.agents.policies.step_reader import Continuation, extend, split_steps, with_sample_number
from redraft.llm.model import Choice, Finish
from redraft.store.digest import prefix_key
from redraft.store.problems import Question
from redraft.store.trajectory import Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")
EMPTY = Trajectory(QUESTION)


def extended(
    trajectory: Trajectory, choice: Choice, pieces: list[str], *, number: int = 0, ended: bool = False
) -> Trajectory:
    return extend(trajectory, number, choice, Continuation("".join(pieces), ended), pieces)


@pytest.mark.parametrize(
    ("text", "separator", "pieces"),
    [
        ("a;b;c", ";", ["a;", "b;", "c"]),
        ("a;\n\nb", ";", ["a;\n\n", "b"]),  # line breaks on a separator belong to it
        ("a.*b.*", ".*", ["a.*", "b.*"]),  # no pattern
        (" \n;a;", "\n", [" \n;a;"]),
    ],
)
def test_a_separator_ends_a_step_and_no_step_is_blank(text: str, separator: str, pieces: list[str]) -> None:
    assert split_steps(text, separator) == pieces


def test_steps_hang_below_each_other_with_the_keys_of_their_texts() -> None:
    trajectory = extended(EMPTY, Choice("a\nb", Finish.STOP, 2, call_id="c"), ["a\n", "b"], number=3)
    first, second = trajectory.steps
    assert (first.step_id, first.parent_id, first.depth) == ("u/3", None, 1)
    assert (second.step_id, second.parent_id, second.depth) == ("u/3.0", "u/3", 2)
    assert first.prefix_key == prefix_key(QUESTION.text, "model", "a\n")
    assert second.prefix_key == prefix_key(first.prefix_key, "model", "b")
    assert (trajectory.sample, trajectory.stop, {step.call_id for step in trajectory.steps}) == (3, None, {"c"})
    assert trajectory.steps == EMPTY.grow("a\n", 3, tokens=1, call_id="c").grow("b", 0, tokens=1, call_id="c").steps


def test_only_the_last_step_of_an_ended_draft_is_final_and_the_answer_is_read_from_the_whole() -> None:
    begun = EMPTY.grow("The answer is \\boxed{", 0)
    done = extended(begun, Choice("4}\nQ.E.D.", Finish.END, 4), ["4}\n", "Q.E.D."], number=2, ended=True)
    assert [step.final for step in done.steps] == [False, False, True]
    assert (done.answer, done.stop, done.steps[1].step_id, done.sample) == ("4", Stop.ANSWERED, "u/0.2", 0)


@pytest.mark.parametrize(
    ("begun", "finish", "ended", "stop", "steps"),
    [
        (EMPTY, Finish.STOP, False, Stop.DEAD_END, 0),
        (EMPTY, Finish.LENGTH, False, Stop.LENGTH, 0),
        (EMPTY, Finish.END, True, Stop.DEAD_END, 0),  # an empty draft is none
        (EMPTY.grow("#### 4", 0), Finish.END, True, Stop.ANSWERED, 2),  # it ends right where it was continued
        (EMPTY.grow("#### 4", 0).respond("Again.", "none"), Finish.END, True, Stop.DEAD_END, 2),
    ],
)
def test_a_choice_without_text(begun: Trajectory, finish: Finish, ended: bool, stop: Stop, steps: int) -> None:
    trajectory = extend(begun, 7, Choice("", finish, 1), Continuation("", ended), [])
    assert (trajectory.stop, len(trajectory.steps)) == (stop, steps)
    assert trajectory.sample == (7 if begun is EMPTY else 0)


def test_only_a_new_independent_sample_takes_a_number() -> None:
    searched = replace(EMPTY, role=Role.SEARCH)
    begun = EMPTY.grow("a", 0)
    assert [with_sample_number(one, 5).sample for one in (EMPTY, searched, begun)] == [5, 0, 0]
    assert extended(searched, Choice("a", Finish.STOP, 1), ["a"], number=5).sample == 0


def test_a_token_belongs_to_the_step_in_which_it_begins() -> None:
    # "ab\ncd\ne": the token "b\nc" begins in the first step, and "d\n" in the second.
    choice = Choice("ab\ncd\ne", Finish.STOP, 4, (-1.0, -2.0, -4.0, -8.0), (0, 1, 4, 6))
    steps = extended(EMPTY, choice, ["ab\n", "cd\n", "e"]).steps
    assert [(step.tokens, step.logprob) for step in steps] == [(2, -3.0), (1, -4.0), (1, -8.0)]


def test_a_step_in_which_no_token_begins_has_none() -> None:
    steps = extended(EMPTY, Choice("a\nb\n", Finish.STOP, 1, (-1.0,), (0,)), ["a\n", "b\n"]).steps
    assert [(step.tokens, step.logprob) for step in steps] == [(1, -1.0), (0, 0.0)]


@pytest.mark.parametrize("tokens", [0, 1, 7, 100])
@pytest.mark.parametrize("lengths", [(1, 1, 1), (10, 1, 5), (3,)])
def test_without_offsets_all_tokens_are_shared_out_by_length(tokens: int, lengths: tuple[int, ...]) -> None:
    pieces = ["x" * length for length in lengths]
    steps = extended(EMPTY, Choice("".join(pieces), Finish.STOP, tokens), pieces).steps
    assert sum(step.tokens for step in steps) == tokens
    assert {step.logprob for step in steps} == {None}
    for step, length in zip(steps, lengths, strict=True):
        assert abs(step.tokens - tokens * length / sum(lengths)) <= 1


REPLY = '{"next": "a\\nb"}'
"""A reply whose value is a, a line break (two characters here) and b: they are at 10, 11 and 13, the end at 14."""


def within(*offsets: int, ended: bool = True) -> list[tuple[int, float | None]]:
    """The tokens and log-probabilities of the two steps of REPLY, whose tokens begin at these offsets; token i has the
    log-probability -(2 ** i)."""
    logprobs = tuple(-(2.0**index) for index in range(len(offsets)))
    choice = Choice(REPLY, Finish.END, len(offsets), logprobs, offsets)
    part = Continuation("a\nb", ended, places=(10, 11, 13, 14))
    return [(step.tokens, step.logprob) for step in extend(EMPTY, 0, choice, part, ["a\n", "b"]).steps]


def test_inside_a_longer_reply_a_step_has_a_log_probability_if_tokens_end_at_its_ends() -> None:
    assert within(0, 10, 11, 13, 14) == [(3, -6.0), (2, -8.0)]
    assert within(0, 10, 12, 14) == [(2, None), (2, None)]  # a token holds the line break's end and b
    assert within(0, 9, 13, 14) == [(2, None), (2, -4.0)]  # a token holds the quote and a
    assert within(0, 10, 13) == [(2, -2.0), (1, None)]  # a token holds b and the closing quote


def test_every_piece_of_a_long_draft_is_numbered_from_its_place() -> None:
    pieces = [f"{number}\n" for number in range(50)]
    steps = extended(EMPTY.grow("begun\n", 0), Choice("".join(pieces), Finish.LENGTH, 50), pieces, number=4).steps
    assert steps[1].step_id == "u/0.4"
    assert all(below.parent_id == above.step_id for above, below in pairwise(steps))
    assert all(below.step_id == f"{above.step_id}.0" for above, below in pairwise(steps[1:]))
