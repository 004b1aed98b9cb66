"""All pairs of a key and a reply, with the expected verdict: respelled golds, near misses, and the cases of the
tests."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairs.latex import Gold
from pairs.near_misses import near_misses, same
from pairs.respell import LOSSY, respell, respell_again
from pairs.spellings.typesetting import WRAPS
from pairs.value import equal

HERE = Path(__file__).resolve()
ROOT = HERE.parents[3]
DATA = ROOT.parent / "shared" / "data"
CASES = ROOT / "tests" / "graders" / "answers" / "cases.jsonl"


@dataclass(frozen=True, slots=True)
class Pair:
    """A reply to a problem with a key. `expected` is the expected verdict, `right` or `wrong`, or the verdict that is
    excluded: "not right", "not wrong"."""

    source: str
    how: str
    kind: str
    answer: str
    reply: str
    expected: str

    def holds(self, verdict: str) -> bool:
        return verdict != self.expected[4:] if self.expected.startswith("not ") else verdict == self.expected


def golds(source: str) -> list[Gold]:
    """Returns the distinct keys of a source: math500, gsm8k (both from the shared data), layouts, or a file of rows
    with `answer`, and with `kind` if it is not math."""
    if source not in ("math500", "gsm8k"):
        file = HERE.with_name("golds.jsonl") if source == "layouts" else Path(source)
        found = [Gold(file.stem, _bare(row["answer"]), row.get("kind", "math")) for row in rows(file)]
        return list(dict.fromkeys(found))
    if source == "math500":
        texts = [row["answer"] for row in rows(DATA / "math_500.json")]
    else:
        files = ("gsm8k_test.jsonl", "gsm8k_train.jsonl")
        texts = [row["answer"].rsplit("####", 1)[1].strip() for file in files for row in rows(DATA / file)]
    return [Gold(source, text) for text in dict.fromkeys(texts)]


def _bare(text: str) -> str:
    """Returns an answer without surrounding dollar signs."""
    match = re.fullmatch(r"\$([^$]*)\$", text.strip())
    return match[1].strip() if match else text.strip()


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def cases() -> Iterator[Pair]:
    """Yields the cases of the tests. Each represents a kind of error that an oracle made."""
    for row in rows(CASES):
        yield Pair("cases", row["kind_of_error"], row["kind"], row["answer"], row["reply"], row["verdict"])


def solutions() -> Iterator[Pair]:
    """Yields real solutions of GSM8K's test set by two models, with the verdicts that their authors recorded."""
    for row in rows(DATA / "gsm8k_model_solutions.jsonl"):
        for model in ("6b_finetuning", "6b_verification"):
            expected = "right" if row[model]["is_correct"] else "wrong"
            yield Pair("solutions", model, "math", row["ground_truth"], row[model]["solution"], expected)


def respelled(found: Sequence[Gold]) -> Iterator[Pair]:
    """Yields each gold with every ending, and each of its other spellings with one ending, in turn. Most spellings are
    changed a second time."""
    chance = random.Random(0)
    for gold in found:
        for number, ending in enumerate(_endings(gold, gold.text)):
            yield Pair(gold.source, f"ending {number + 1}", gold.kind, gold.text, ending, "right")
        spellings = list(respell(gold))
        for how, other in list(spellings):
            again = None if how in WRAPS or how in LOSSY else respell_again(gold, other, chance)
            if again and again[1] != gold.text:
                spellings.append((f"{how}, {again[0]}", again[1]))
        for number, (how, other) in enumerate(spellings):
            endings = _endings(gold, other)
            yield Pair(gold.source, how, gold.kind, gold.text, endings[number % len(endings)], "right")


def missed(found: Sequence[Gold], draws: int) -> Iterator[Pair]:
    """Yields the near misses of each gold, and some other golds of its source. Half of them are respelled."""
    chance = random.Random(0)
    for gold in found:
        misses = list(near_misses(gold))
        same_kind = [other for other in found if other.kind == gold.kind]
        others = chance.sample(same_kind, min(draws, len(same_kind)))
        misses += [("another gold", other.text) for other in others if _differ(gold, other)]
        for number, (how, other) in enumerate(misses):
            again = respell_again(gold, other, chance) if number % 2 else None
            if again and again[1] != gold.text:
                how, other = f"{how}, {again[0]}", again[1]
            endings = _endings(gold, other)
            ending = endings[0] if number % 4 else endings[number // 4 % len(endings)]
            yield Pair(gold.source, how, gold.kind, gold.text, ending, "not right")


def _differ(gold: Gold, other: Gold) -> bool:
    """Returns True if two golds certainly differ even without the units, names and bases that a reply may leave out."""
    if gold.kind != "math" or same(gold, other.text):
        return gold.text != other.text and not same(gold, other.text)
    one, two = _core(gold), _core(other)
    if re.search(r"\\%|\\circ", gold.text + other.text):  # 50% equals 0.5 and 50; 180 degrees are pi
        return False
    return gold.form == other.form and one != two and equal(one, two) is not True


def _core(gold: Gold) -> str:
    text = gold.named[1] if gold.form == "named" and gold.named else gold.body
    return re.sub(r"\s|_\{?\d+\}?$", "", text)


def _endings(gold: Gold, text: str) -> list[str]:
    """Returns replies that end with an answer. LaTeX is between dollar signs, words are not."""
    if gold.kind == "choice":
        return [ending % text for ending in (r"\boxed{%s}", "The answer is %s", "**Answer:** %s", "#### %s")]
    if gold.kind == "text":
        return [ending % text for ending in ("The answer is %s", "**Answer:** %s", r"\boxed{%s}", "#### %s")]
    wrapped = re.fullmatch(r"\s|(\*\*)?(\$|\\\(|\\\[).*", text, re.DOTALL) or "$" in re.sub(r"\\\$", "", text)
    if not wrapped and text.endswith("!"):  # in plain text "!" may end a sentence
        return [ending.replace("%s", text) for ending in LATEX if "$%s$" in ending or "{%s}" in ending]
    return [ending.replace("%s", text) for ending in (PLAIN if wrapped or "\\" not in text else LATEX)]


PLAIN = (
    "We add the parts.\nTherefore the result is \\boxed{%s}.",
    "First, 3 + 4 = 7.\nThe answer is %s",
    "There are 2 of them.\n\n**Answer:** %s",
    "That makes 6 + 4 = 10.\n#### %s",
    "Now it is clear.\n\n# Answer\n\n%s",
)
LATEX = (
    "We add the parts.\nTherefore the result is $\\boxed{%s}$.",
    "First, 3 + 4 = 7.\nThe answer is $%s$.",
    "There are 2 of them.\n\n**Answer:** $%s$",
    "That makes 6 + 4 = 10.\n#### %s",
    "Now it is clear.\n\n# Answer\n\n%s",
    "Therefore, what we look for is $%s$.",
    "**Final Answer:**\n\\[ %s \\]",
    "We have it.\n\n### Final Answer\n\nThe final answer is \\(%s\\).",
)
