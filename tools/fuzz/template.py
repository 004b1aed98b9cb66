"""The material for inputs: a store with rows in all tables, and valid files of every kind."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import DB, GENERATE, TEMPLATE, Case

from redraft.store.journal_files import Claim, call_line
from redraft.store.tables.store import Store

if TYPE_CHECKING:
    from execute import Worker


@dataclass(frozen=True, slots=True)
class Template:
    """The bytes of a store, and the name and the lines of a journal that a run of GENERATE would continue from."""

    store: bytes
    journal: str
    lines: list[bytes]

    @classmethod
    def make(cls, worker: "Worker", folder: Path) -> "Template":
        """Makes the template with real commands. Raises RuntimeError if one of them fails."""
        folder.mkdir()
        job = ("generate", "builtin:levels=1", "--limit", "3", "--samples", "2", "--max-tokens", "40")
        chats = json.dumps({"prompt": "1 + 1?", "completion": "It is 2.", "label": True, "answer": "2"}).encode()
        load, graded = ("import", "chats.jsonl", "--format", "chats"), ("grade", "It is 2.", "--answer", "2")
        last = [("export", str(folder / "out.jsonl")), ("query", "FROM runs"), ("solve", "1 + 1?", "--max-tokens", "3")]
        for number, arguments in enumerate((job, GENERATE, load, *last, graded)):
            named = arguments if arguments is graded else (*arguments, "--db", str(folder / DB))
            outcome = worker.run(Case(-1 - number, TEMPLATE, named, files={"chats.jsonl": chats}))
            if outcome.code:
                raise RuntimeError(f"redraft {' '.join(arguments)}: {outcome.err}")
        store = Store(folder / DB)
        [(recipe, *_)] = store.query("SELECT recipe FROM runs WHERE strategy LIKE '%greedy%'").rows
        units = [unit for (unit,) in store.query(f"SELECT DISTINCT unit_id FROM calls WHERE recipe = '{recipe}'").rows]
        lines = [call_line(call, choices, None) for call, choices in store.calls(units)]
        return cls((folder / DB).read_bytes(), f"{recipe}.jsonl", [Claim(1, None).line(), *lines])


def problems() -> list[dict[str, Any]]:
    """Returns rows of problems in several layouts."""
    return [
        {"question": "What is 1 + 1?", "answer": "2", "id": "a", "level": 2, "split": "train"},
        {"problem": "What is 2 + 2?", "solution": "It is \\boxed{4}.", "type": "Algebra"},
        {"Body": "Ann has 3 pens", "Question": "How many pens?", "Answer": 3.0},
        {"question": "Which?", "choices": ["red", "blue"], "answer": "A"},
        {"prompt": [{"role": "user", "content": "3+3?"}], "reward_model": {"ground_truth": "6"}},
        {"question": "Write f.", "tests": ["assert f(1) == 1"], "kind": "code"},
        {"question": "Say it.", "rubric": ["It is said."], "kind": "rubric"},
        {"question": "Q?", "options": "A) 1 B) 2", "correct": "B"},
    ]


def labelled() -> dict[str, list[dict[str, Any]]]:
    """Returns rows of labelled solutions for each reader."""
    user, assistant = {"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "One.\n\nIt is 2."}
    parts = {"role": "assistant", "content": [{"type": "text", "text": "<think>3</think>It is 2."}]}
    step = {"completions": [{"text": "It is 2", "rating": 1}, {"text": "3", "rating": -1}], "chosen_completion": 0}
    return {
        "chats": [
            {"messages": [user, assistant], "label": True, "step_labels": [1, 0], "answer": "2"},
            {"messages": [user, parts, user, assistant], "labeler": "me"},
            {"prompt": [user], "completion": [assistant], "label": "false"},
            {"prompt": "1+1?", "completions": ["One.", "It is 2."], "labels": [True, None]},
            {"conversations": [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "2"}]},
        ],
        "prm800k": [{
            "question": {"problem": "1+1?", "ground_truth_answer": "2"},
            "label": {"finish_reason": "solution", "steps": [step, step]}, "labeler": "x",
        }],
        "math_shepherd": [{
            "input": "1+1? Step 1: It is 2. ки\nStep 2: The answer is 2 ки",
            "label": "1+1? Step 1: It is 2. +\nStep 2: The answer is 2 -", "task": "GSM8K",
        }],
        "openr1": [{
            "problem": "1+1?", "answer": "2", "solution": "2", "generations": ["It is 2.", "3"],
            "correctness_math_verify": [True, False], "is_reasoning_complete": [True, True],
            "finish_reasons": ["stop", "length"],
        }],
        "process_bench": [{
            "problem": "1+1?", "steps": ["One.", "It is 3."], "label": 1, "final_answer_correct": False, "answer": "2",
        }],
    }  # fmt: skip


def replies() -> list[dict[str, Any]]:
    """Returns rows that `redraft grade` reads."""
    return [
        {"reply": "It is \\boxed{2}.", "answer": "2"},
        {"reply": "(B)", "answer": "blue", "choices": ["red", "blue"]},
        {"reply": "def f(n):\n    return n", "answer": ["assert f(1) == 1"], "kind": "code"},
    ]
