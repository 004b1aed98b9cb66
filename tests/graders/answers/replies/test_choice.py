"""The letter that a reply chooses, in the words of many models, and letters that are no choice."""

import pytest

from redraft.graders.answers.canonical import letter
from redraft.graders.answers.extract import extract, marked
from redraft.store.problems import Kind

STATED = [
    "The correct option is {}.",
    "The correct choice is {}.",
    "So option {} is correct.",
    "Therefore, ({}) is the correct answer.",
    "{} is the correct answer.",
    "Ans: {}",
    "Answer: {}",
    "**Answer: {}**",
    "**Answer:** {}) 61",
    "The answer is ({}).",
    "The answer is {}",
    "The answer is **{}. 12**.",
    "The answer is {}, because it floats.",
    "The best answer is option {}: water.",
    "The answer is \\text{{({})}}.",
    "so $\\boxed{{\\text{{({})}}}}$",
    "\\boxed{{{}}}",
    "\\boxed{{\\text{{({}) Plane}}}}",
    "<answer>{}</answer>",
    '{{"answer": "{}"}}',
    "Therefore, the correct option is: \n\n**{}. 12**",
    "Energy is $\\boxed{{E = mc^2}}$. The answer is ({}).",
    "I think that the others fail. I would choose option {}.",
    "A is not correct, since 3 > 2. The correct answer is {}.",
    "The most likely answer is {}.",
    "The closest option is {}. 5 m",
    "The answer is ({}).\n\nQuestion: Which is next?\nA. x\nB. y\nAnswer: The answer is (F).",
    "The answer is ({}).\nNow, let's combine all the answers:\nThe answer is A.\nThe answer is H.",
    "故选{}",
    "因此,故选{}。",
    "所以答案选{}。",
    "正确答案是：{}",
    "答案：{}",
    "【解析】选项A是错误的。\n【答案】{}",
    "[Answer]: {}",
    "因此，选项{}正确。",
    "答えは{}です。",
    "정답은 {}입니다.",
    "La respuesta correcta es la {}.",
    "La bonne réponse est {}.",
    "Die richtige Antwort ist {}.",
    "Правильный ответ: {}",
]
CONCLUDED = [
    "Reasoning.\n{}",
    "Reasoning.\n**{}**",
    "Reasoning.\n{}. 42",
    "{}) 61\n\nExplanation: 60 + 1 is 61.",
    "{}",
    "({})",
    "It can't be (A), so it is ({})",
    "A and F are wrong, so it is {}.",
    "The therapy that fits best is {}. chemotherapy.",
    "The least likely to be phishing is option {}, as it asks for a call.",
    "This is ({}).",
]


@pytest.mark.parametrize("ending", STATED)
@pytest.mark.parametrize("choice", "BDC")
def test_a_stated_letter_is_the_answer(ending: str, choice: str) -> None:
    text = ending.format(choice)
    assert (extract(text, Kind.CHOICE), marked(text, Kind.CHOICE)) == (choice, choice)


@pytest.mark.parametrize("ending", CONCLUDED)
@pytest.mark.parametrize("choice", "BDC")
def test_a_text_without_a_statement_ends_with_its_letter(ending: str, choice: str) -> None:
    text = ending.format(choice)
    assert (extract(text, Kind.CHOICE), marked(text, Kind.CHOICE)) == (choice, None)


@pytest.mark.parametrize(
    "text",
    [
        "The answer is not A.",
        "If we look at (B), it says that the plan is best. This is a hyper",
        "It is not (A).",
        "Option A is incorrect.",
        "The answer is A or C.",
        "The answer is (A), (C) or (D).",
        "The answer is (B) and (D).",
        "Option B is correct. So is C. The answer is B and C.",
        "选项B是正确的。\n【答案】: B, C",
        "The answer is probably A or C.",
        "The answer is A & C",
        "The answer is a car.",
        "The answer is A car.",
        "The answer is E = mc^2.",
        "\\boxed{E = mc^2}",
        "\\boxed{A+B}",
        "I think so",
        "A) is wrong.\nB) is wrong too.\nC) may be right.",
        "The answer is E-coli.",
        "A plane has two wings.",
        "I cannot answer this.",
        "",
    ],
)
def test_a_letter_that_is_no_choice_is_none(text: str) -> None:
    assert extract(text, Kind.CHOICE) is None


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        ("(c)", "C"),
        ("C.", "C"),
        ("C) 42", "C"),
        (r"\text{(C)}", "C"),
        (r"$\boxed{C}$", "C"),
        ("option b", "B"),
        ("b", "B"),
        ("C: water", "C"),
        ("the correct option is C", "C"),
        ("**D**", "D"),
        ("（B）", "B"),
        ("C 42", "C"),
        ("B. A car", "B"),
        ("dunno", None),
        ("A car", None),
        ("a car", None),
        ("I think", None),
        ("A or B", None),
        ("A, B", None),
        ("AB", None),
        ("E = 2", None),
        ("42", None),
        ("", None),
        ("A" * 5000, None),
    ],
)
def test_the_letter_that_an_answer_names(answer: str, choice: str | None) -> None:
    assert letter(answer) == choice
