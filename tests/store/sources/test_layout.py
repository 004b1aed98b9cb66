"""The layouts of benchmarks: rows with the columns of each, made up here, and the problems that they are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.extract import extract
from redraft.graders.answers.verify import verify
from redraft.store.errors import SourceError
from redraft.store.problems import Kind, Problem
from redraft.store.sources.columns import columns_of
from redraft.store.sources.fields import parsed
from redraft.store.sources.layout import TABLE, USUAL, Layout, layout_of
from redraft.store.sources.problem import SourceNotes, problem
from redraft.store.sources.reader import read
from redraft.store.trajectory import Verdict

DOCS = Path(__file__).parents[3] / "docs" / "sources.md"
CHOICE, MATH = Kind.CHOICE, Kind.MATH
Expected = tuple[str, str | None, Kind]

# fmt: off
ROWS: dict[str, list[tuple[dict[str, Any], Expected]]] = {
    "SVAMP, ASDiv": [
        ({"ID": "chal-1", "Body": "Ann packs 6 boxes with 4 pens each.", "Question": "How many pens are packed?",
          "Equation": "( 6.0 * 4.0 )", "Answer": 24.0, "Type": "Multiplication"},
         ("Ann packs 6 boxes with 4 pens each. How many pens are packed?", "24.0", MATH)),
        ({"body": "Two red and seven green pears lie here.", "question": "How many pears lie here?",
          "solution_type": "Addition", "answer": "9 (pears)", "formula": "2+7=9"},
         ("Two red and seven green pears lie here. How many pears lie here?", "9", MATH)),
        ({"body": "Ten pens go to cups and bags.", "question": "How many of each?", "answer": "4 (cups); 6 (bags)",
          "solution_type": "x", "formula": "-"},
         ("Ten pens go to cups and bags. How many of each?", "4, 6", MATH)),
    ],
    "AQuA-RAT": [
        ({"question": "What is 3 x 7?", "options": ["A)18", "B)21", "C)24", "D)27", "E)30"],
          "rationale": "3 x 7 = 21\nAnswer: B", "correct": "B"},
         ("What is 3 x 7?\nA) 18\nB) 21\nC) 24\nD) 27\nE) 30", "B", CHOICE)),
    ],
    "MathQA": [
        ({"Problem": "what is 3 * 1,200 ?", "Rationale": "3 * 1,200 = 3,600 , answer c",
          "options": "a ) 36 , b ) 360 , c ) 3,600 , d ) rs . 36 , e ) none of these", "correct": "c",
          "annotated_formula": "multiply(3,1200)", "category": "general"},
         ("what is 3 * 1,200 ?\nA) 36\nB) 360\nC) 3,600\nD) rs . 36\nE) none of these", "C", CHOICE)),
    ],
    "AGIEval: SAT-math, gaokao": [
        ({"passage": None, "question": "If 2x = 10, what is x?", "options": ["(A)2", "(B)4", "(C)5", "(D)10"],
          "label": "C", "answer": None, "other": {"solution": "x = 10/2 = 5."}},
         ("If 2x = 10, what is x?\nA) 2\nB) 4\nC) 5\nD) 10", "C", CHOICE)),
        ({"passage": "A shop sells pens.", "question": "What does it sell?", "options": ["(A)caps", "(B)pens"],
          "label": "B", "answer": None, "other": None},
         ("A shop sells pens.\n\nWhat does it sell?\nA) caps\nB) pens", "B", CHOICE)),
        ({"passage": None, "question": "2 + 5 = ____", "options": None, "label": None, "answer": "7", "other": None},
         ("2 + 5 = ____", "7", MATH)),
    ],
    "GPQA": [
        ({"Question": "Which of these is a metal?", "Correct Answer": "Iron", "Incorrect Answer 1": "Helium",
          "Incorrect Answer 2": "Neon", "Incorrect Answer 3": "Argon", "Explanation": "Iron conducts.",
          "Subdomain": "Chemistry (general)", "High-level domain": "Chemistry", "Record ID": "rec1"},
         ("Which of these is a metal?\nA) Neon\nB) Argon\nC) Helium\nD) Iron", "D", CHOICE)),
    ],
    "MMLU-Pro": [
        ({"question_id": 70, "question": "What is 2 + 2?", "options": [*"1234567890"],
          "answer": "D", "answer_index": 3, "cot_content": "", "category": "math", "src": "x"},
         ("What is 2 + 2?\nA) 1\nB) 2\nC) 3\nD) 4\nE) 5\nF) 6\nG) 7\nH) 8\nI) 9\nJ) 0", "D", CHOICE)),
    ],
    "MMLU": [
        ({"question": "Which is 1?", "subject": "elementary_mathematics", "choices": ["0", "2", "1", "3"], "answer": 2},
         ("Which is 1?\nA) 0\nB) 2\nC) 1\nD) 3", "C", CHOICE)),
        ({"question": "Which is 2?", "subject": "s", "choices": ["0", "2", "1", "3"], "answer": "1"},
         ("Which is 2?\nA) 0\nB) 2\nC) 1\nD) 3", "B", CHOICE)),
    ],
    "ARC, CommonsenseQA": [
        ({"id": "M_1", "question": "Which floats?", "choices": {"text": ["lead", "wood"], "label": ["1", "2"]},
          "answerKey": "2"},
         ("Which floats?\nA) lead\nB) wood", "B", CHOICE)),
    ],
    "TabMWP": [
        ({"question": "What do 2 pens cost?", "choices": None, "answer": "1.20", "unit": "$", "table_title": "Prices",
          "table": "pen | $0.60\ncap | $3.00", "ques_type": "free_text", "ans_type": "decimal_number", "grade": 3,
          "solution": "$0.60 + $0.60 = $1.20"},
         ("Prices\npen | $0.60\ncap | $3.00\n\nWhat do 2 pens cost? (Unit: $)", "1.20", MATH)),
        ({"question": "Which row has 3?", "choices": ["1", "0"], "answer": "1", "unit": None, "table_title": None,
          "table": "0 | 2\n1 | 3", "ques_type": "multi_choice", "ans_type": "extractive_text", "grade": 2},
         ("0 | 2\n1 | 3\n\nWhich row has 3?\nA) 1\nB) 0", "A", CHOICE)),
    ],
    "OlympiadBench": [
        ({"id": 7, "subfield": "Algebra", "context": None, "question": "Solve $x^2=4$.", "solution": ["So $x=\\pm 2$."],
          "final_answer": ["$2$", "$-2$"], "is_multiple_answer": True, "unit": None, "answer_type": "Numerical"},
         ("Solve $x^2=4$.", "2, -2", MATH)),
        ({"id": 8, "subfield": "Mechanics", "context": "A body falls.", "question": "How fast is it after 1 s?",
          "solution": ["9.8"], "final_answer": ["$9.8$"], "unit": "m/s", "is_multiple_answer": False},
         ("A body falls.\n\nHow fast is it after 1 s? (Unit: m/s)", "9.8", MATH)),
    ],
    "TheoremQA": [
        ({"Question": "Is 7 prime?", "Answer": "True", "Answer_type": "bool", "Picture": None},
         ("Is 7 prime?", "True", MATH)),
        ({"Question": "List 1 to 3.", "Answer": "[1, 2, 3]", "Answer_type": "list of integer", "Picture": None},
         ("List 1 to 3.", "1; 2; 3", MATH)),
        ({"Question": "Half of 1?", "Answer": "0.5", "Answer_type": "float", "Picture": None},
         ("Half of 1?", "0.5", MATH)),
    ],
    "DAPO, verl": [
        ({"data_source": "math_dapo", "prompt": [{"content": "Solve it. What is 6 x 6?", "role": "user"}],
          "ability": "MATH", "reward_model": {"ground_truth": "36", "style": "rule"}, "extra_info": {"index": "9"}},
         ("Solve it. What is 6 x 6?", "36", MATH)),
        ({"data_source": "g", "prompt": [{"role": "user", "content": "What is 7 x 6? Think."}], "ability": "math",
          "reward_model": {"style": "rule", "ground_truth": "42"},
          "extra_info": {"split": "test", "index": 0, "answer": "7 x 6 is 42.\n#### 42", "question": "What is 7 x 6?"}},
         ("What is 7 x 6?", "42", MATH)),
    ],
    "OpenMathReasoning": [
        ({"problem": "Find $3!$.", "expected_answer": "6", "generated_solution": "<think>3*2</think>\\boxed{6}",
          "problem_type": "has_answer_extracted", "problem_source": "aops", "generation_model": "R1"},
         ("Find $3!$.", "6", MATH)),
    ],
    "ProcessBench": [
        ({"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "What is 8 + 1?", "steps": ["8 + 1 = 9."],
          "final_answer_correct": True, "label": -1},
         ("What is 8 + 1?", None, MATH)),
    ],
    "NuminaMath-1.5, OpenR1-Math": [
        ({"problem": "Find $x$ with $2x=1$.", "solution": "$x=1/2$", "answer": "\\frac{1}{2}",
          "problem_type": "Algebra", "question_type": "math-word-problem", "problem_is_valid": "Yes",
          "source": "olympiads", "synthetic": False},
         ("Find $x$ with $2x=1$.", "\\frac{1}{2}", MATH)),
        ({"problem": "Prove that 2 is even.", "solution": "2 = 2 * 1.", "answer": "proof", "problem_type": "Other",
          "question_type": "proof", "source": "x"},
         ("Prove that 2 is even.", None, MATH)),
        ({"problem": "Find nothing.", "solution": "It is 4.", "answer": "notfound", "problem_type": "Other"},
         ("Find nothing.", None, MATH)),
    ],
    "Omni-MATH, Big-Math": [
        ({"domain": ["Mathematics -> Algebra"], "difficulty": 4.5, "problem": "What is $2^5$?", "solution": "It is 32.",
          "answer": "32", "source": "x"},
         ("What is $2^5$?", "32", MATH)),
        ({"problem": "What is $5^2$?", "answer": "25", "source": "orca_math", "domain": ["Mathematics -> Algebra"],
          "llama8b_solve_rate": 0.5},
         ("What is $5^2$?", "25", MATH)),
    ],
    "MATH": [
        ({"problem": "What is $1+1$?", "level": "Level 1", "type": "Prealgebra", "solution": "It is $\\boxed{2}$."},
         ("What is $1+1$?", "2", MATH)),
    ],
    "MATH-500, AIME, DeepScaleR": [
        ({"problem": "What is $9-2$?", "solution": "So $\\boxed{7}$.", "answer": "7", "subject": "Prealgebra",
          "level": 1, "unique_id": "test/prealgebra/1.json"},
         ("What is $9-2$?", "7", MATH)),
        ({"ID": "2030-I-1", "Problem": "Find $10^2$.", "Solution": "100", "Answer": 100},
         ("Find $10^2$.", "100", MATH)),
        ({"problem": "Point?", "answer": "(3, \\frac{\\pi}{2})", "solution": "s"},
         ("Point?", "(3, \\frac{\\pi}{2})", MATH)),
    ],
    "GSM8K": [
        ({"question": "How many are 1,000 and 200?", "answer": "1,000 + 200 = <<1000+200=1200>>1,200.\n#### 1,200"},
         ("How many are 1,000 and 200?", "1200", MATH)),
    ],
    "MetaMathQA": [
        ({"query": "What is 5 - 2?", "response": "5 - 2 = 3\n#### 3\nThe answer is: 3", "type": "GSM_Rephrased"},
         ("What is 5 - 2?", "3", MATH)),
    ],
    "Alpaca": [
        ({"instruction": "Add the numbers.", "input": "4 and 5", "output": "4 + 5 = 9."},
         ("Add the numbers.\n\n4 and 5", None, MATH)),
        ({"instruction": "Add.", "input": "2 and 5", "output": "2 + 5 = 7.\n#### 7"}, ("Add.\n\n2 and 5", "7", MATH)),
        ({"instruction": "Give tips.", "input": "", "output": "1. Eat.\n2. Walk.\n3. Keep a schedule of 8 hours."},
         ("Give tips.", None, MATH)),
        ({"instruction": "Rewrite it as a haiku.", "input": "Shells.", "output": "The total was 5 shells."},
         ("Rewrite it as a haiku.\n\nShells.", None, MATH)),
        ({"instruction": "Name three colours.", "input": "", "output": "red, green, blue"},
         ("Name three colours.", None, MATH)),
        ({"instruction": "Greet me.", "input": "", "output": "Hello there, and welcome to this place, my friend."},
         ("Greet me.", None, MATH)),
        ({"instruction": "Add.", "input": "1 and 1", "target": 2}, ("Add.\n\n1 and 1", "2", MATH)),
    ],
    "MathInstruct": [
        ({"source": "x", "instruction": "What is 8 / 2?", "output": "We divide.\nThe answer is 4"},
         ("What is 8 / 2?", "4", MATH)),
        ({"instruction": "What is 9 / 3?", "output": "3"}, ("What is 9 / 3?", "3", MATH)),
        ({"instruction": "Name three colours.", "output": "red, green, blue"}, ("Name three colours.", None, MATH)),
        ({"instruction": "Tell a story.", "output": "Ann found shells. The total was 5 shells."},
         ("Tell a story.", None, MATH)),
    ],
    "MBPP": [
        ({"task_id": 2, "text": "Write f.", "code": "import math\ndef f(x):\n    return x", "test_setup_code": "y = 4",
          "test_list": ["assert f(y) == 4", "assert f(2) == 2"], "challenge_test_list": []},
         ("Write f.", "y = 4\nassert f(y) == 4\nassert f(2) == 2", Kind.CODE)),
        ({"text": "Write g.", "code": "def g(x):\n    return x", "test_list": ["assert g(1) == 1"]},
         ("Write g.", "assert g(1) == 1", Kind.CODE)),
    ],
}
# fmt: on
LACKING = {"ProcessBench"}


@pytest.fixture(params=[layout.sets for layout in TABLE])
def layout(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_layout_has_rows_here(layout: str) -> None:
    for row, _ in ROWS[layout]:
        assert layout_of([name.lower() for name in row]).sets == layout


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_the_rows_of_a_layout_are_its_problems(layout: str, kind: str, tmp_path: Path) -> None:
    """Each row is a file, since the rows of one table would share their columns."""
    for row, (question, answer, of) in ROWS[layout]:
        found = one(row, tmp_path / f"rows.{kind}")
        assert (found.question, found.answer, found.kind) == (question, answer, of)


async def test_the_key_of_every_layout_is_right_against_itself(layout: str, tmp_path: Path) -> None:
    checker = Checker()
    try:
        keys = [one(row, tmp_path / "rows.jsonl") for row, _ in ROWS[layout]]
        for problem in (problem for problem in keys if problem.kind is Kind.CODE):
            ruling = await verify(problem.answer, problem.meta["solution"], problem.kind, checker)
            assert ruling.verdict is Verdict.RIGHT, ruling
        for problem in (problem for problem in keys if problem.answer and problem.kind is not Kind.CODE):
            text = f"So it is.\n#### {problem.answer}" if problem.kind is MATH else f"Answer: {problem.answer}"
            for draft in (text, f"It is $\\boxed{{{problem.answer}}}$."):
                given = extract(draft, problem.kind)
                ruling = await verify(problem.answer, given, problem.kind, checker)
                assert ruling.verdict is Verdict.RIGHT, (problem.answer, given, ruling)
        assert any(problem.answer for problem in keys) or layout in LACKING
    finally:
        await checker.close()


def test_a_gold_that_is_no_value_is_told_in_the_place_of_the_key(tmp_path: Path) -> None:
    rows = [row for row, _ in ROWS["NuminaMath-1.5, OpenR1-Math"]]
    found = [one(row, tmp_path / "rows.jsonl") for row in rows]
    assert [problem.meta.get("no_answer") for problem in found] == [None, "'proof'", "'notfound'"]


def test_repeated_questions_of_such_a_layout_count_once(tmp_path: Path) -> None:
    row, _ = ROWS["OpenMathReasoning"][0]
    file, notes = tmp_path / "rows.jsonl", SourceNotes()
    file.write_text("".join(f"{json.dumps({**row, 'generated_solution': text})}\n" for text in "abc"))
    assert len(list(read(file, notes=notes))) == 1
    assert notes.repeats == 2


def test_the_choices_of_gpqa_stand_in_an_order_that_tells_nothing(tmp_path: Path) -> None:
    rows = [{**ROWS["GPQA"][0][0], "Correct Answer": f"Iron {number}"} for number in range(40)]
    assert {one(row, tmp_path / "rows.jsonl").answer for row in rows} == set("ABCD")


KEYS = some.sampled_from(["text", "label", "role", "content", "rows"])
STRANGE = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5)
    | some.sampled_from(["\ud800", "nan", "[{", "a ) 1 , b ) 2", "####", "\\boxed{", "[" * 9000, "A", "1"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner),
    max_leaves=5,
)  # fmt: skip


@given(some.data())
@settings(max_examples=200, deadline=None)
def test_strange_cells_make_a_problem_or_one_line(data: some.DataObject) -> None:
    """Whatever stands in a cell: nothing else is raised, and the problem has a question that can be stored."""
    row = dict(data.draw(some.sampled_from([row for rows in ROWS.values() for row, _ in rows])))
    for column in data.draw(some.lists(some.sampled_from(list(row)), min_size=1, max_size=3)):
        row[column] = data.draw(STRANGE)
    try:
        found = problem(parsed(json.dumps(row)), source="s", split=None, question=None, answer=None)
        assert found.question.encode()
        assert found.answer is None or found.answer.encode()
        assert isinstance(found.level, int | None)
    except SourceError as error:
        told = str(error)
        if "\n" in told or "Error" in told or len(told) > 300:
            pytest.fail(told)


def test_the_docs_show_every_layout() -> None:
    lines = DOCS.read_text().splitlines()
    start = lines.index("|---|---|---|---|---|") + 1
    assert lines[start : start + len(TABLE)] == [in_docs(layout) for layout in TABLE]


def test_other_columns_are_the_usual_ones() -> None:
    assert layout_of(["question", "target"]) is USUAL


def in_docs(layout: Layout) -> str:
    """The row of a layout in the table of docs/sources.md."""
    roles = (layout.question, layout.beside, layout.answer, layout.choices, layout.wrong)
    names = {name.partition(".")[0]: None for role in (layout.marks, *roles) for name in role}
    columns = columns_of(tuple(names))

    def named(paths: Sequence[Sequence[str]], between: str) -> str:
        return between.join(f"`{'.'.join(path)}`" for path in paths)

    question = named(columns.beside + columns.question, " or " if layout.joint is None else " + ")
    choices = named(columns.choices or columns.wrong, ", ")
    answer = named(columns.answer, " or ") + (f", a {layout.answer_is}" if layout.answer_is else "")
    answer = {"mark": "`output`, if it marks one", "statement": f"{answer}, if it states one"}.get(layout.prose, answer)
    answer = f"{named(columns.keys['tests'], ', ')}, tests" if columns.keys["tests"] else answer
    marks = named([[mark] for mark in layout.marks], ", ")
    return f"| {layout.sets} | {marks} | {question} | {choices} | {answer} |".replace("|  |", "| |")


def one(row: dict[str, Any], file: Path) -> Problem:
    """The problem of a row that is written to a file of its own."""
    if file.suffix == ".parquet":
        lines = file.with_suffix(".jsonl")
        lines.write_text(json.dumps(row))
        with duckdb.connect() as connection:
            connection.execute(f"COPY (FROM read_json('{lines}')) TO '{file}'")
    else:
        file.write_text(json.dumps([row] if file.suffix == ".json" else row))
    [found] = read(file)
    return found


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ("Ann has 3 pens", "Ann has 3 pens. How many?"),
        ("Ann has 3 pens.", "Ann has 3 pens. How many?"),
        ("Does Ann have 3?", "Does Ann have 3? How many?"),
        ("It is 3 (of 4)", "It is 3 (of 4) How many?"),
    ],
)
def test_a_body_without_a_full_stop_gets_one(body: str, question: str) -> None:
    row = {"Body": body, "Question": "How many?", "Answer": 3}
    assert problem(row, source="s", split=None, question=None, answer=None).question == question
