"""What feedback makes of what it is told: reviews in prose or line by line, values of steps, the key."""

from collections.abc import Sequence

import pytest

from redraft.agents.feedback.critic import critic
from redraft.agents.feedback.feedback import Remark, line_number
from redraft.agents.feedback.fixed import fixed
from redraft.agents.feedback.model_feedback import is_correct
from redraft.agents.feedback.none import none
from redraft.agents.feedback.prm import prm
from redraft.agents.feedback.random import random
from redraft.agents.feedback.self import self as own
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.prompts.templates import REFINE, fill
from redraft.llm.providers.embedded.prompts import TEMPLATES as TRAINED
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Grade, Stop, Trajectory

QUESTION = Question("p", "How {much}?", unit="u")
WRONG = "The answer is wrong. Solve the problem again."


def draft(*steps: str, answer: str | None = None) -> Trajectory:
    trajectory = Trajectory(QUESTION, stop=Stop.ANSWERED, answer=answer)
    for text in steps:
        trajectory = trajectory.grow(text, 0)
    return trajectory


def doubt(line: int) -> str:
    return f"Line {line} is doubtful. Check it and solve the problem again."


async def reviewed(
    text: str, trajectory: Trajectory, finish: Finish = Finish.END
) -> Sequence[Remark | ModelError | None]:
    client = Client(Scripted(lambda request, index: Choice(text, finish, 1)))
    return await critic(client)([trajectory])


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("It is correct.", True),
        ("**It is correct**", True),
        ("Step 1 holds.\nSo, it is correct!\n\n", True),
        ("All steps hold. Therefore it is correct", True),
        ("It is  correct", True),
        ("Step 2 holds.\nThe solution is correct.", True),
        ("Step 2 of the solution is correct.", False),
        ("Check whether it is correct.", False),
        ("If step 2 were 8, it is correct.", False),
        ("It is not correct.", False),
        ("It is correct.\nOr rather: step 2 is off.", False),
        ("Step 1 holds: it is correct. Step 2 is off.", False),
        ("It is correct up to step 2.", False),
        ("", False),
    ],
)
def test_only_the_last_sentence_calls_a_draft_correct(text: str, ends: bool) -> None:
    assert is_correct(text) is ends


async def test_a_review_that_was_cut_off_calls_nothing_correct() -> None:
    cut = await reviewed("It is correct.", draft("8"), Finish.LENGTH)
    assert cut == [Remark(fill(REFINE, feedback="It is correct."), "critic")]


async def test_no_review_is_no_verdict() -> None:
    for finish, says in ((Finish.END, "said nothing: ask"), (Finish.LENGTH, "before it said anything: allow more")):
        [error] = await reviewed(" \n", draft("8"), finish)
        assert isinstance(error, ModelError)
        assert says in str(error)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("right\nright\nright", None),
        ("right\nwrong\nwrong", doubt(2)),
        ("Right.\n\n**Wrong**\nright", doubt(2)),
        ("right\nright\nright\nright\nwrong", doubt(3)),
        ("wrong", WRONG),
        ("right", None),
    ],
)
async def test_a_word_a_line_points_at_the_first_wrong_line(words: str, text: str | None) -> None:
    expected = Remark(text, "critic") if text else None
    assert await reviewed(words, draft("4+4=8\n\n", "8+8=16\n", "#### 16")) == [expected]


async def test_a_model_that_was_trained_to_judge_lines_is_asked_as_it_was_trained() -> None:
    model = Scripted(lambda request, index: "right\nwrong", templates=TRAINED)
    client = Client(model)
    for feedback, by in ((own(client), "self"), (critic(client), "critic")):
        assert await feedback([draft("4+4=8\n", "#### 9")]) == [Remark(doubt(2), by)]
    asked = [[message.content for message in request.messages] for request in model.requests]
    assert asked == [["judge steps\nHow {much}?\n---\n4+4=8\n#### 9"]] * 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("right\nyes", "There may be an error in the solution. Check it and solve the problem again."),
        ("yes\nwrong", doubt(2)),
        ("right\nright", None),
    ],
)
async def test_other_words_of_such_a_model_are_a_doubt(words: str, text: str | None) -> None:
    feedback = critic(Client(Scripted(lambda request, index: words, templates=TRAINED)))
    assert await feedback([draft("4+4=8\n", "#### 9")]) == [Remark(text, "critic") if text else None]


def test_a_model_with_forms_of_its_own_has_none_for_questions_in_words() -> None:
    client = Client(Scripted(lambda request, index: "", name="tiny", templates=TRAINED))
    with pytest.raises(PartError, match=r"style='huang' asks in words, and tiny knows .*: set feedback\.style=score"):
        none(client, style="huang")
    with pytest.raises(PartError, match=r"leading=true asks in words, .*: leave feedback\.leading out"):
        own(client, leading=True)
    with pytest.raises(PartError, match="style='huang' asks the writer for a review: give it a client"):
        none(style="huang")
    with pytest.raises(PartError, match="no style='kind'; there are score, huang"):
        none(style="kind")  # pyright: ignore[reportArgumentType]


async def test_reviews_of_several_drafts_are_in_their_order() -> None:
    def script(request: Request, index: int) -> str:
        return "It is correct." if "#### 8" in request.messages[0].content else "Off."

    feedback = critic(Client(Scripted(script)))
    off = Remark(fill(REFINE, feedback="Off."), "critic")
    assert await feedback([draft("#### 7"), draft("#### 8"), draft("#### 9")]) == [off, None, off]


async def test_of_several_drafts_only_that_whose_review_failed_has_its_error() -> None:
    def script(request: Request, index: int) -> str:
        if "#### 8" in request.messages[0].content:
            raise ModelError("The line is dead.", fatal="#### 88" in request.messages[0].content)
        return "It is correct."

    feedback = critic(Client(Scripted(script)))
    right, failed = await feedback([draft("#### 7"), draft("#### 8")])
    assert (right, str(failed)) == (None, "The line is dead.")
    with pytest.raises(ModelError, match="The line is dead"):
        await feedback([draft("#### 7"), draft("#### 88")])


async def test_a_critique_is_worded_by_the_runs_own_prompts() -> None:
    prompts = Prompts(templates={"critique": "Judge.\n{question}\n{solution}", "refine": "Mind: {feedback}"})
    model = Scripted(lambda request, index: "Use {x} and \\boxed{8}.")
    assert await critic(Client(model, prompts=prompts))([draft("#### {9}")]) == [
        Remark("Mind: Use {x} and \\boxed{8}.", "critic")
    ]
    assert model.requests[0].messages[0].content == "Judge.\nHow {much}?\n#### {9}"


def graded(*values: float | None, value: float | None = 0.1, reason: str | None = None) -> Grade:
    return Grade("steps", "u:0", 1, value=value, steps=values, reason=reason)


def by_steps(*grades: Grade, threshold: float = 0.5):
    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return list(grades)

    return prm(grader, threshold=threshold)


async def test_the_first_step_under_the_threshold_is_named_and_those_before_it_stand() -> None:
    trajectory = draft("First,\n4+4=8\n\n", "8+8=16\n", "#### 17")
    cases = [
        (graded(0.9, 0.5, 0.6), None),
        (graded(0.9, 0.49, 0.1), Remark(doubt(3), "prm", keep=1)),
        (graded(0.2, 0.9, 0.9), Remark(doubt(1), "prm", keep=0)),
        (graded(None, None, 0.0), Remark(doubt(4), "prm", keep=2)),
        (graded(None, None, None), None),
    ]
    grades, remarks = zip(*cases, strict=True)
    assert await by_steps(*grades)([trajectory] * len(cases)) == list(remarks)


async def test_a_grader_without_values_of_steps_is_a_mistake_and_one_that_fails_is_no_verdict() -> None:
    trajectory = draft("4+4=8\n", "#### 8")
    with pytest.raises(PartError, match=r"grader 'steps' gave 0 for 2 steps: set feedback\.grader to one"):
        await by_steps(graded())([trajectory])
    with pytest.raises(PartError, match="gave 1 for 2 steps"):
        await by_steps(graded(0.9))([trajectory])
    lost, said = await by_steps(graded(value=None, reason="the line is dead"), graded(0.9, 0.1))(
        [trajectory, trajectory]
    )
    assert isinstance(lost, ModelError)
    assert str(lost) == "The steps could not be graded: the line is dead."
    assert said == Remark(doubt(2), "prm", keep=1)


def test_lines_are_counted_up_to_where_a_step_begins() -> None:
    steps = draft("First,\n\n4+4=8. ", "Then 8+8=16.\n", "#### 16").steps
    assert [line_number(steps, index) for index in range(3)] == [1, 2, 3]


async def test_the_control_asks_for_a_fresh_draft_where_the_key_calls_the_answer_wrong() -> None:
    keys = Keyring({"p": "8"})
    remarks = await random(keys)([draft(answer="8.0"), draft(answer="9"), draft(answer=None)])
    assert remarks == [None, Remark("", "random"), Remark("", "random")]
    assert keys.was_opened("u")
    assert await random(Keyring())([draft(answer="8")]) == [None]


async def test_the_fixed_message_is_the_oracles_and_knows_nothing() -> None:
    told = Remark(WRONG, "fixed")
    assert await fixed()([draft(answer="8"), draft(answer=None)]) == [told, told]
