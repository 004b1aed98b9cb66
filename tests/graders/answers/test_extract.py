import subprocess
import sys
import time

import pytest

from redraft.graders.answers.extract import extract, marked
from redraft.store.problems import Kind


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5}", "5"),
        (r"so $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"so $\boxed{\text{a } {b} \}}$", r"\text{a } {b} \}"),
        (r"so $\boxed 5$.", "5"),
        (r"so $\boxed5$.", "5"),
        (r"so \fbox{7}", "7"),
        (r"\boxed{1} no, \boxed{2}", "2"),
        (r"\boxed{18} The answer is 20.", "18"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"the box was cut: \boxed{\frac{1}{2}", None),
        (r"\boxed{1} and then \boxed{2", None),
        (r"\boxed{}", None),
        ("2 + 3 = <<2+3=5>>5\n#### 18", "18"),
        ("#### -1,234.50", "-1,234.50"),
        ("#### $18", "$18"),
        ("A: 18\n#### That is all", "18"),
        ("It is 3.\nA: 18", "18"),
        ("A: 90,000", "90,000"),
        ("A: 18.0", "18.0"),
        ("A: -9.9 billion", "-9.9 billion"),
        ("#### Step 1\nThe answer is 4.\n#### Step 2 of 9\nDone.", "4"),
        ("The answer is 18.", "18"),
        ("The final answer is: **$1,000**.", "$1,000"),
        ("**Answer:** 12 cm", "12 cm"),
        ("Answer: x = 3", "x = 3"),
        ("So the answer to the question is $x^2 + 1$.", "x^2 + 1"),
        ("The answer is $5$ apples, since $2+3=5$.", "5"),
        (r"The answer is $\$36$.", r"\$36"),
        (r"The answer is \(\frac{3}{4}\) of the cake.", r"\frac{3}{4}"),
        ("The answer is that she earns $18 a day.", "$18"),
        ("The answer is 3. Wait, the answer is 4.", "4"),
        ("The answer is 3.\nThe answer is correct.", "3"),
        (r"Answer: \frac{1}{2} of the cake, which is much.", r"\frac{1}{2}"),
        ("The answer is approximately 3.14.", "3.14"),
        ("The answer is 18 dollars, because 9 * 2 = 18.", "18 dollars"),
        ("Therefore, Janet makes **$18** every day.", "$18"),
        ("The answer is no solution.", "no solution"),
        ("The answer is 3.5.", "3.5"),
        ("The answer is 1/2.", "1/2"),
        (r"The answer is $(1, 2)$.", "(1, 2)"),
        ("So she makes 9 * 2 = $<<9*2=18>>18", "$18"),
        ("She has 5 left, and so he has -7 apples.", "-7"),
        ("She has 20 - 5 = 15 eggs", "15"),
        ("In all that is 50%.", "50%"),
        ("The height is 32768 feet * 2 =", None),
        ("He will pay 1432070 pesos for an", None),
        ("The total is 4 * 2 = <<4*2", None),
        ("I do not know", None),
        ("", None),
        ("  \n ", None),
    ],
)
def test_answer_of_a_mathematical_solution(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is (C).", "C"),
        ("The answer is C because it floats.", "C"),
        ("Answer: b) Paris", "B"),
        (r"so $\boxed{\text{(D)}}$", "D"),
        ("It can't be (A), so it is (B)", "B"),
        ("Reasoning.\nC", "C"),
        ("Reasoning.\nC. 42", "C"),
        ("Reasoning.\n**C**", "C"),
        ("A: E", "E"),
        ("The answer is a car.", None),
        ("I think so", None),
        ("", None),
    ],
)
def test_answer_of_a_choice(text: str, answer: str | None) -> None:
    assert extract(text, Kind.CHOICE) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("We look it up.\nThe answer is New York.", "New York"),
        ("Answer: **Paris**", "Paris"),
        ("First line\n\nthe blue whale.\n", "the blue whale"),
        (r"\boxed{Rome}", "Rome"),
        (" ", None),
    ],
)
def test_answer_in_words(text: str, answer: str | None) -> None:
    assert extract(text, Kind.TEXT) == answer


def test_a_number_in_passing_is_not_a_marked_answer() -> None:
    assert marked("She has 5 left.") is None
    assert marked("Natalia sold 24.\n#### 72") == "72"


def test_long_text_takes_linear_time() -> None:
    start = time.perf_counter()
    extract("1" * 1_000_000)
    extract("the answer " * 100_000)
    extract(r"\boxed{" * 100_000)
    extract("1,111," * 100_000 + "=")
    assert time.perf_counter() - start < 5


def test_importing_it_loads_no_algebra() -> None:
    code = "import sys, redraft.graders.answers.extract as _; sys.exit(bool({'sympy', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
