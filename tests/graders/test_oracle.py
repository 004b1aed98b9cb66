from collections.abc import Callable

from redraft.graders import load
from redraft.graders.answers.checker import Checker
from redraft.graders.answers.verify import verify
from redraft.graders.oracle import oracle
from redraft.store.problems import Keyring, Kind, Problem
from redraft.store.trajectory import Grade, Stop, Trajectory, Verdict


def keyring(answer: str | None) -> Keyring:
    return Keyring({"p1": answer})


async def test_each_trajectory_gets_a_verdict_and_a_value(checker: Checker, solved: Callable[..., Trajectory]) -> None:
    answers = ["18", "$18.00", r"\sqrt{324}", "-18", None, "18"]
    grades = await oracle(keyring("18"), checker=checker)([solved(a, i) for i, a in enumerate(answers)])
    right, wrong = Verdict.RIGHT, Verdict.WRONG
    assert grades == [
        Grade("oracle", "u1:0", 1, 1.0, right),
        Grade("oracle", "u1:1", 1, 1.0, right),
        Grade("oracle", "u1:2", 1, 1.0, right),
        Grade("oracle", "u1:3", 1, 0.0, wrong),
        Grade("oracle", "u1:4", 1, 0.0, wrong, reason="no answer"),
        Grade("oracle", "u1:5", 1, 1.0, right),
    ]


async def test_failure_is_never_a_score(checker: Checker, solved: Callable[..., Trajectory]) -> None:
    failed = Trajectory(solved(None).question, stop=Stop.FAILED, reason="the server is gone")
    assert await oracle(keyring("18"), checker=checker)([failed]) == [
        Grade("oracle", "u1:0", 1, reason="the trajectory failed: the server is gone")
    ]
    assert await oracle(keyring(None), checker=checker)([solved("18")]) == [
        Grade("oracle", "u1:0", 1, verdict=Verdict.UNDECIDED, reason="the key of this problem is not known")
    ]


async def test_a_comparison_that_takes_too_long_has_no_value(solved: Callable[..., Trajectory]) -> None:
    async with Checker(limit_s=1.0) as checker:
        (grade,) = await oracle(keyring("5"), checker=checker)([solved(r"\sum_{k=1}^{2} 9^{9^{9^9}}")])
    assert grade == Grade("oracle", "u1:0", 1, verdict=Verdict.UNDECIDED, reason="not decided within the limit of 1 s")


async def test_the_current_draft_is_what_is_graded(checker: Checker, solved: Callable[..., Trajectory]) -> None:
    keys = keyring("18")
    second = solved("17").respond("It is wrong.", "oracle").grow("It is 18.", 0)
    (grade,) = await oracle(keys, checker=checker)([Trajectory(second.question, second.steps, answer="18")])
    assert grade == Grade("oracle", "u1:0", 2, 1.0, Verdict.RIGHT)
    assert keys.was_opened("u1")


async def test_a_key_may_be_a_whole_solution(checker: Checker) -> None:
    assert (await verify("9 * 2 = 18\n#### 18", "18", Kind.MATH, checker)).verdict is Verdict.RIGHT
    assert (await verify(r"so $\boxed{\frac12}$", "0.5", Kind.MATH, checker)).verdict is Verdict.RIGHT
    assert (await verify("B", "(b)", Kind.CHOICE, checker)).verdict is Verdict.RIGHT


async def test_graders_are_found_by_name(checker: Checker, solved: Callable[..., Trajectory]) -> None:
    keys = Keyring()
    keys.add(Problem("How many?", "18", problem_id="p1"))
    (grade,) = await load("oracle")(keys, checker=checker)([solved("18")])
    assert grade.value == 1.0
    (grade,) = await load("likelihood")(reduce="sum")([solved("18", logprob=-2.0, tokens=4)])
    assert (grade.grader, grade.value) == ("likelihood_sum", -2.0)
