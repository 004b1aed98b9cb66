import pytest

from redraft.graders.answers.canonical import canonical
from redraft.graders.answers.extract import extract, marked
from redraft.graders.oracle import oracle
from redraft.graders.programs.unit_tests import passes
from redraft.graders.ruling import Ruling
from redraft.graders.selectors import Selection, majority
from redraft.store.problems import Keyring, Kind, Question
from redraft.store.trajectory import Grade, Stop, Trajectory, Verdict

TESTS = "assert add(1, 2) == 3\nassert add(0, 0) == 0"
RIGHT = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    ("code", "ruling"),
    [
        (RIGHT, Ruling(Verdict.RIGHT)),
        (RIGHT.replace("+", "-"), Ruling(Verdict.WRONG, "assert add(1, 2) == 3: AssertionError: it is -1")),
        (
            "def add(a, b):\n    return [a, b]",
            Ruling(Verdict.WRONG, "assert add(1, 2) == 3: AssertionError: it is [1, 2]"),
        ),
        ("def add(", Ruling(Verdict.WRONG, "SyntaxError: unexpected EOF while parsing")),
        ("1 / 0", Ruling(Verdict.WRONG, "ZeroDivisionError: division by zero")),
        ("import heapq\n" + RIGHT, Ruling(Verdict.UNDECIDED, "the sandbox lacks the module 'heapq'")),
        ("def add(a, b):\n    yield a", Ruling(Verdict.UNDECIDED, "the sandbox lacks yield expressions")),
    ],
)
async def test_a_program_is_right_where_all_tests_hold(code: str, ruling: Ruling) -> None:
    assert await passes(TESTS, code) == ruling


async def test_an_assertion_inside_a_function_says_what_it_got() -> None:
    tests = "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)"
    assert await passes(tests, RIGHT) == Ruling(Verdict.RIGHT)
    wrong = Ruling(Verdict.WRONG, "check(add): AssertionError: it is -1")
    assert await passes(tests, RIGHT.replace("+", "-")) == wrong


async def test_tests_that_are_no_python_decide_nothing() -> None:
    ruling = await passes("assert add(", RIGHT)
    assert ruling.verdict is Verdict.UNDECIDED
    assert (ruling.reason or "").startswith("the tests are no Python (SyntaxError: ")


def test_free_text_is_its_own_answer() -> None:
    assert extract(" One.\n\nTwo, \\boxed{3}.\n", Kind.RUBRIC) == "One.\n\nTwo, \\boxed{3}."
    assert extract("\n", Kind.RUBRIC) is None
    assert marked("The answer is 3.", Kind.RUBRIC) is None
    assert canonical("One.\n\nTwo", Kind.RUBRIC) == "one. two"


def test_programs_are_equal_in_a_vote_where_their_lines_are() -> None:
    spaced = "# Adds.\ndef add(a, b):   \n\n    # both\n    return a + b\n"
    assert canonical(spaced, Kind.CODE) == canonical(RIGHT, Kind.CODE) == RIGHT
    assert canonical(RIGHT.replace("a", "x"), Kind.CODE) != RIGHT
    assert canonical("# nothing", Kind.CODE) is None
    question = Question("p1", "Add.", Kind.CODE, "u1")
    answers = ["def add(a, b):\n    return b + a", RIGHT, spaced]
    paths = [Trajectory(question, sample=i, stop=Stop.ANSWERED, answer=a) for i, a in enumerate(answers)]
    assert majority(paths) == Selection(RIGHT, 1)


async def test_the_oracle_runs_the_tests_of_the_key() -> None:
    question = Question("p1", "Add.", Kind.CODE, "u1")
    paths = [Trajectory(question, sample=i, stop=Stop.ANSWERED, answer=a) for i, a in enumerate([RIGHT, "pass", None])]
    assert await oracle(Keyring({"p1": TESTS}))(paths) == [
        Grade("oracle", "u1:0", 1, 1.0, Verdict.RIGHT),
        Grade(
            "oracle",
            "u1:1",
            1,
            0.0,
            Verdict.WRONG,
            reason="assert add(1, 2) == 3: NameError: name 'add' is not defined",
        ),
        Grade("oracle", "u1:2", 1, 0.0, Verdict.WRONG, reason="no answer"),
    ]
