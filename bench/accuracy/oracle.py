"""How often the oracle is wrong, and how long it takes, on GSM8K and MATH-500.

    python bench/accuracy/oracle.py [--draws 20] [--json]

Agreement is with the verdicts that the authors of real GSM8K solutions recorded. Each gold answer, wrapped in a
solution's text, must be right (else: a false rejection), and golds of other problems, the gold plus or minus one and
its negative must be wrong (else: a false acceptance, all of which are listed).
"""

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from redraft.graders.answers.canonical import canonical, is_words
from redraft.graders.answers.checker import Checker
from redraft.graders.answers.exact_match import decide
from redraft.graders.answers.extract import extract
from redraft.graders.answers.verify import verify
from redraft.store.problems import Kind
from redraft.store.trajectory import Verdict

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MOST_SHOWN = 30
SOLUTIONS = (
    "We add the parts and get what was asked.\nTherefore the total is $\\boxed{%s}$.",
    "First, 3 + 4 = 7.\nThe answer is $%s$.",
    "There are 2 of them.\n\n**Answer:** %s",
)
GSM8K_SOLUTIONS = ("She buys 3 * 2 = <<3*2=6>>6 of them.\n#### %s", "That makes 6 + 4 = 10\nA: %s")


@click.command()
@click.option("--draws", default=20, help="Unequal golds for each gold.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(draws: int, as_json: bool) -> None:
    """Measures the oracle on the real data and prints a table."""
    figures = asyncio.run(measure(draws))
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, figure in figures.items():
        click.echo(f"{name:12}" + "".join(f"  {k} {v}" for k, v in figure.items() if not isinstance(v, list)))
        for pair in figure.get("accepted", []) + figure.get("rejected", []):
            click.echo(f"    {pair}")


async def measure(draws: int) -> dict[str, dict[str, Any]]:
    """The figures of the three data sets, by name."""
    async with Checker() as checker:
        files = ("gsm8k_test.jsonl", "gsm8k_train.jsonl")
        gsm8k = [row["answer"].rsplit("####", 1)[1].strip() for file in files for row in _rows(file)]
        math = [row["answer"] for row in _rows("math_500.json")]
        return {
            "solutions": await agreement(checker),
            "gsm8k": await golds(checker, gsm8k, GSM8K_SOLUTIONS, draws),
            "math500": await golds(checker, math, SOLUTIONS, draws),
        }


async def agreement(checker: Checker) -> dict[str, Any]:
    """How many verdicts on real solutions equal the recorded ones."""
    start, agreed, different = time.perf_counter(), 0, []
    for row in _rows("gsm8k_model_solutions.jsonl"):
        for solution in (row["6b_finetuning"], row["6b_verification"]):
            answer = extract(solution["solution"])
            ruling = await verify(row["ground_truth"], answer, Kind.MATH, checker)
            if (ruling.verdict is Verdict.RIGHT) == solution["is_correct"]:
                agreed += 1
            else:
                different.append(f"{answer!r} was recorded as {solution['is_correct']}")
    seconds = round(time.perf_counter() - start, 2)
    return {"checked": agreed + len(different), "agreed": agreed, "seconds": seconds, "rejected": different}


async def golds(checker: Checker, answers: list[str], wraps: Iterable[str], draws: int) -> dict[str, Any]:
    """False rejections of the golds themselves and false acceptances of answers that are not equal to them."""
    start = time.perf_counter()
    chance = random.Random(0)
    equal = [(gold, extract(wrap % text) or "") for gold in answers for wrap in wraps for text in _respelt(gold)]
    unequal = [(gold, wrong) for gold in answers for wrong in _wrong(gold, answers, draws, chance)]
    rejected = [p async for p in _with(checker, equal, {Verdict.WRONG, Verdict.UNDECIDED})]
    accepted = [p async for p in _with(checker, unequal, {Verdict.RIGHT})]
    undecided = [p async for p in _with(checker, unequal, {Verdict.UNDECIDED})]
    return {
        "equal": len(equal),
        "false_rejections": len(rejected),
        "unequal": len(unequal),
        "by_worker": sum(decide(*pair) is None for pair in {*equal, *unequal}),
        "false_acceptances": len(accepted),
        "undecided": len(undecided),
        "seconds": round(time.perf_counter() - start, 2),
        "rejected": [f"gold {gold!r} rejected {answer!r}" for gold, answer in rejected][:MOST_SHOWN],
        "accepted": [f"gold {gold!r} accepted {answer!r}" for gold, answer in accepted][:MOST_SHOWN],
    }


async def _with(checker: Checker, pairs: list[tuple[str, str]], verdicts: set[Verdict]):
    size = 200
    for start in range(0, len(pairs), size):
        batch = pairs[start : start + size]
        rulings = await asyncio.gather(*(verify(gold, answer, Kind.MATH, checker) for gold, answer in batch))
        for pair, ruling in zip(batch, rulings, strict=True):
            if ruling.verdict in verdicts:
                yield pair


def _respelt(gold: str) -> Iterator[str]:
    yield gold
    if r"\text" not in gold and r"\{" not in gold:
        yield re.sub(r"[)\]]", r"\\right\g<0>", re.sub(r"[(\[]", r"\\left\g<0>", gold))
    yield gold.replace(r"\frac", r"\dfrac").replace(" ", r"\ ")
    if (value := _scalar(gold)) is not None:
        yield rf"\frac{{2({value})}}{{2}}"


def _wrong(gold: str, answers: list[str], draws: int, chance: random.Random) -> Iterator[str]:
    others = [other for other in chance.sample(answers, draws + 20) if canonical(other) != canonical(gold)]
    yield from others[:draws]
    number = gold.replace(",", "")
    if re.fullmatch(r"-?\d+", number):
        yield from (str(int(number) + 1), str(int(number) - 1))
        if int(number):
            yield str(-int(number))
    elif (value := _scalar(gold)) is not None:
        yield from (f"{value} + 1", f"{value} - 1", f"-({value})")


def _scalar(gold: str) -> str | None:
    """The gold as something that can be calculated with, or None where it is a list, a relation, words or the like."""
    value = re.sub(r"^[a-z]\s*=\s*", "", gold)
    mixed = re.match(r"\d+\s*\\frac", value)
    if mixed or is_words(gold) or re.search(r",(?!\d{3}|\\!)|=|matrix|_|\\in|\\pm|\\text\{\(|\\cup|\$", value):
        return None
    return re.sub(r"\\(text|mbox)\{.*", "", value)


def _rows(file: str) -> list[dict[str, Any]]:
    path = DATA / file
    if not path.is_file():
        sys.exit(f"{path} is not there; this measures on the files in {DATA}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
