"""Critics and feedback: what they ask, what they say, and when they have nothing to say."""

import pytest

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.critics.model import model as own_critic
from redraft.agents.critics.model import verdict
from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback import likelihood as doubts
from redraft.agents.feedback import none as nothing
from redraft.agents.feedback import oracle as told
from redraft.agents.feedback.feedback import Remark
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message, ModelError, Request
from redraft.llm.prompts import templates
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.scripted import Scripted
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Stop, Trajectory

QUESTION = Question("p", "How {much}?", unit="u")
ASKED_IT = "The model was asked whether the draft"
OWN = {"finished": prompt_formats.TEMPLATES["finished"], "judge": prompt_formats.TEMPLATES["judge"]}


def draft(*lines: tuple[str, int, float | None], answer: str | None = None) -> Trajectory:
    """A trajectory of lines, each with its tokens and summed log-probability."""
    trajectory = Trajectory(QUESTION, stop=Stop.ANSWERED, answer=answer)
    for text, tokens, logprob in lines:
        trajectory = trajectory.grow(text, 0, tokens=tokens, logprob=logprob)
    return trajectory


def critic_that_hears(finished: str, judged: str) -> tuple[Scripted, Client]:
    answers = {"finished": finished, "judge": judged}
    model = Scripted(lambda request, index: answers[request.messages[0].content.split("\n")[0]], templates=OWN)
    return model, Client(model)


async def test_no_critic_always_goes_on() -> None:
    assert await no_critic()(draft()) == Critique(Opinion.GO_ON)


@pytest.mark.parametrize(
    ("finished", "judged", "critique"),
    [
        ("yes", "right", Critique(Opinion.FINISHED, reason="The model calls its draft finished and right.")),
        ("no", "right", Critique(Opinion.GO_ON, reason="The model says that its draft is not finished.")),
        ("yes", "wrong", Critique(Opinion.GO_ON, reason="The model says that its draft is not right.")),
        (
            "yes",
            "perhaps",
            Critique(Opinion.GO_ON, reason=f"{ASKED_IT} is right and gave no verdict, 'right' or 'wrong'."),
        ),
    ],
)
async def test_the_model_is_its_own_critic(finished: str, judged: str, critique: Critique) -> None:
    model, client = critic_that_hears(finished, judged)
    assert await own_critic(client)(draft(("#### 8", 2, None))) == critique
    prompts = ["finished\nHow {much}?\n---\n#### 8", "judge\nHow {much}?\n---\n#### 8"]
    asked = [(request.messages, request.temperature) for request in model.requests]
    assert asked == [((Message("user", prompt),), 0) for prompt in prompts[: len(asked)]]
    assert len(asked) == (1 if finished == "no" else 2)


async def test_a_critics_answer_that_was_cut_off_holds_no_verdict() -> None:
    def cut(request: Request, index: int) -> Choice:
        return Choice("yes, it is right", Finish.LENGTH, 4)

    critique = await own_critic(Client(Scripted(cut)))(draft(("#### 8", 2, None)))
    assert critique == Critique(Opinion.GO_ON, reason=f"{ASKED_IT} is finished and gave no verdict, 'yes' or 'no'.")


async def test_a_critic_whose_call_fails_has_no_opinion() -> None:
    def fails(request: Request, index: int) -> str:
        raise ModelError("The line is dead.")

    with pytest.raises(ModelError, match="The line is dead"):
        await own_critic(Client(Scripted(fails)))(draft(("#### 8", 2, None)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("right", True),
        ("Wrong.", False),
        ("It looks right at first, but step 2 is off.\n**Wrong**", False),
        ("The wrong sign cancels.\nright", True),
        ("The solution is correct.", True),
        ("Incorrect", False),
        ("Step 2 is wrong because 3+4=7.", False),
        ("Verdict: right", True),
        ("\\boxed{\\text{wrong}}", False),
        ('{"verdict": "right"}', True),
        ("alright", None),
        ("", None),
        ("The solution is not right.", None),
        ("The solution isn\N{RIGHT SINGLE QUOTATION MARK}t right.", None),
        ("I checked whether it is right", None),
        ("Nothing is wrong.", None),
        ("It is wrong, the right answer is 5", None),
        ("Step 2 is off.\nThe right answer is 12.", None),
        ("Right, let me check. Step 2 is off.", None),
    ],
)
def test_a_verdict_is_stated_plainly_at_the_end(text: str, says: bool | None) -> None:
    assert verdict(text, "right", "wrong") is says


@pytest.mark.parametrize(
    ("text", "says"),
    [("Yes.", True), ("Yes, it does: 12.", True), ("The answer is: **yes**", True), ("There is no answer.", False)],
)
def test_yes_may_begin_the_sentence(text: str, says: bool) -> None:
    assert verdict(text, "yes", "no") is says


async def test_intrinsic_feedback_always_says_the_same() -> None:
    remark = Remark("There may be an error in the solution. Check it and solve the problem again.", "none")
    assert await nothing.none()([draft(), draft()]) == [remark, remark]


async def test_the_oracle_speaks_only_where_the_answer_is_wrong() -> None:
    keys = Keyring({"p": "8"})
    remarks = await told.oracle(keys)([draft(answer="8.0"), draft(answer="9"), draft(answer=None)])
    wrong = Remark("The answer is wrong. Solve the problem again.", "oracle")
    assert remarks == [None, wrong, wrong]
    assert keys.was_opened("u")


async def test_the_oracle_says_nothing_where_nobody_knows_the_answer() -> None:
    assert await told.oracle(Keyring())([draft(answer="8")]) == [None]


async def test_doubt_points_at_the_first_line_that_is_unlikely_enough() -> None:
    feedback = doubts.likelihood(threshold=-0.5)
    sure = draft(("4+4=8\n", 4, -1.0), ("#### 8", 2, -1.0))
    unsure = draft(("4+4=8\n", 4, -1.0), ("8+8=17\n", 4, -2.1), ("#### 17", 2, -9.0))
    paragraphs = draft(("First,\n4+4=8\n\n", 4, -1.0), ("So 17.", 2, -9.0))
    unknown = draft(("4+4=8\n", 4, None))
    assert await feedback([sure, unsure, paragraphs, unknown]) == [
        None,
        Remark("Line 2 is doubtful. Check it and solve the problem again.", "likelihood"),
        Remark("Line 3 is doubtful. Check it and solve the problem again.", "likelihood"),
        None,
    ]


def test_the_wordings_are_those_that_the_embedded_model_was_trained_on() -> None:
    assert (templates.MAY_BE_WRONG, templates.IS_WRONG, templates.DOUBTFUL) == (
        prompt_formats.MAY_BE_WRONG,
        prompt_formats.IS_WRONG,
        prompt_formats.DOUBTFUL,
    )
