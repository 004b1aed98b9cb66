"""The layouts of benchmarks and training sets. Each layout says by which columns it is recognised, and which role each
column has. A new layout is a new row of TABLE, which docs/sources.md shows.

Column names are in lower case. `extra_info.question` is the field `question` of an object in the column `extra_info`.
If a layout leaves a role empty, the usual names in USUAL are tried.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from redraft.store.sources.answer import Reads

Names = tuple[str, ...]


class Layout(NamedTuple):
    """The columns of a layout. The texts of all columns of `question` are joined with `joint`. `beside` and `wrong` use
    all their columns. Every other role uses its first column that has a value."""

    sets: str  # the data sets that have this layout
    marks: Names  # a row has this layout if it has all these columns
    question: Names = ()
    joint: str | None = "\n\n"  # None: the question is the first of its columns that has a text
    beside: Names = ()  # shown before the question, as a paragraph of its own
    unit: Names = ()  # shown after the question: the unit of the answer
    answer: Names = ()
    choices: Names = ()
    wrong: Names = ()  # one column for each wrong choice; the answer is the right choice's text
    answer_is: str = ""  # how the answer names a choice: "label", "number" (from 0), "text", or "" for any
    answer_type: Names = ()  # the type of an answer: "list of integer", "bool"
    prose: Reads = "solution"  # what a column of SOLUTIONS holds, if the answer is read from it
    solution: Names = ()
    subject: Names = ()
    level: Names = ()
    split: Names = ()
    repeats: bool = False  # whether several rows may have one question, such as rows with a solution each


USUAL = Layout(
    "any other file",
    marks=(),
    question=("question", "problem", "content", "prompt", "instruction", "input", "query"),
    beside=("passage", "context", "background", "table"),
    answer=(
        *("answer", "answerkey", "final_answer", "ground_truth", "expected_answer", "gt_answer", "gold"),
        *("correct_answer", "correct answer", "correct", "answers", "label", "target"),
        *("solution", "output", "response", "completion"),
    ),
    choices=("choices", "options"),
    solution=("solution", "rationale", "explanation"),
    subject=("subject", "type", "category", "topic"),
    level=("level",),
    split=("split",),
)
"""The usual names of each role, in order of precedence. Only one column is taken for the question."""

SOLUTIONS = frozenset(
    {"solution", "rationale", "explanation", "output", "response", "completion", "generated_solution"}
)
"""Columns that hold a worked solution, from which the answer is read."""

BELONGS = ("body", *USUAL.beside, *USUAL.choices)
"""Columns that belong to a question. The user gets a warning if a question leaves out the text of one."""

METADATA = re.compile(
    r"(?:^|[^a-z])(?:[a-z]*(?:id|url|hash)|solutions?|answers?|rationales?|explanations?|reasoning|cot|thoughts?|thinking"
    r"|responses?|completions?|outputs?|generations?|generated|proofs?|formula|equations?|program|code|tests?|messages"
    r"|conversations?|sources?|licen[cs]e|metadata|meta|model|labels?|hints?|feedback|comments?|critiques?|correct"
    r"|incorrect|rubrics?|criteria|system)(?![a-z])"
)
"""Matches names of columns whose long texts don't belong to a question: the name has one of these words."""

LONG = 200
"""The length in characters from which a text in another column may belong to the question. The user gets a warning."""

PICTURE = re.compile(r"<im(?:g|age)[_ ]?\d+>")
"""Matches the mark of a picture in the text of a question, as OlympiadBench and MathVista write it."""

PICTURES = ("image", "images", "picture", "image_1", "decoded_image")

TABLE = (
    Layout(
        "SVAMP, ASDiv",
        ("body", "question"),
        question=("body", "question"),
        joint=" ",
        answer=("answer",),
        subject=("type", "solution_type"),
    ),
    Layout("AQuA-RAT", ("question", "options", "correct"), answer=("correct",), answer_is="label"),
    Layout("MathQA", ("problem", "options", "correct"), answer=("correct",), answer_is="label"),
    Layout(
        "AGIEval: SAT-math, gaokao",
        ("question", "options", "label"),
        answer=("label", "answer"),
        answer_is="label",
        solution=("other.solution", "explanation"),
    ),
    Layout(
        "GPQA",
        ("question", "correct answer", "incorrect answer 1"),
        answer=("correct answer",),
        wrong=("incorrect answer 1", "incorrect answer 2", "incorrect answer 3"),
        answer_is="text",
        subject=("subdomain", "high-level domain"),
    ),
    Layout(
        "MMLU-Pro",
        ("question", "options", "answer", "answer_index"),
        answer_is="label",
        solution=("cot_content",),
        subject=("category",),
    ),
    Layout("MMLU", ("question", "choices", "answer", "subject"), answer_is="number"),
    Layout("ARC, CommonsenseQA", ("question", "choices", "answerkey"), answer=("answerkey",), answer_is="label"),
    Layout(
        "TabMWP",
        ("question", "table", "ques_type"),
        beside=("table_title", "table"),
        unit=("unit",),
        answer=("answer",),
        choices=("choices",),
        answer_is="text",
        subject=("ans_type",),
        level=("grade",),
    ),
    Layout(
        "OlympiadBench",
        ("question", "final_answer"),
        beside=("context",),
        unit=("unit",),
        answer=("final_answer",),
        subject=("subfield", "subject"),
    ),
    Layout("TheoremQA", ("question", "answer", "answer_type"), answer_type=("answer_type",), subject=("answer_type",)),
    Layout(
        "DAPO, verl",
        ("prompt", "reward_model"),
        question=("extra_info.question", "prompt"),
        joint=None,
        answer=("reward_model.ground_truth",),
        solution=("extra_info.answer",),
        subject=("ability",),
        split=("split", "extra_info.split"),
        repeats=True,
    ),
    Layout(
        "OpenMathReasoning",
        ("problem", "expected_answer"),
        answer=("expected_answer",),
        solution=("generated_solution",),
        subject=("problem_type",),
        repeats=True,
    ),
    Layout("ProcessBench", ("problem", "steps", "final_answer_correct"), answer=("answer",), repeats=True),
    Layout(
        "NuminaMath-1.5, OpenR1-Math",
        ("problem", "answer", "problem_type"),
        subject=("problem_type",),
        repeats=True,
    ),
    Layout("Omni-MATH, Big-Math", ("problem", "answer", "domain"), subject=("domain",)),
    Layout("MATH", ("problem", "solution", "type")),
    Layout("MATH-500, AIME, DeepScaleR", ("problem", "answer")),
    Layout("GSM8K", ("question", "answer")),
    Layout("MetaMathQA", ("query", "response")),
    Layout("Alpaca", ("instruction", "input"), question=("instruction", "input"), prose="mark"),
    Layout("MathInstruct", ("instruction", "output"), question=("instruction",), prose="statement"),
    Layout("MBPP", ("text", "test_list"), question=("text",), repeats=True),
)
"""All layouts. If several fit a row, the first one is used."""


def layout_of(names: Collection[str]) -> Layout:
    """Returns the layout of a row whose columns have these names, in lower case; USUAL if no layout fits."""
    return next((one for one in TABLE if all(mark in names for mark in one.marks)), USUAL)
