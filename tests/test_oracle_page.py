"""Every row of the tables in docs/oracle.md gets the verdict that the page says."""

import re
from pathlib import Path

import pytest

from redraft.graders import grade

PAGE = Path(__file__).parent.parent / "docs" / "oracle.md"
HEAD = r"^\|((?: kind \|)? key \| (?:reply|answer) \| verdict) \|\n\|[-|]+\|\n"
TABLE = re.compile(HEAD + r"((?:\|.*\|\n)+)", re.MULTILINE)
VERDICT = "right|wrong|undecided"
ROW = re.compile(
    rf"^\|(?: (?P<kind>\w+) \|)? `(?P<key>.*?)` \| `(?P<text>.*?)` \| (?P<verdict>{VERDICT}) \|$", re.MULTILINE
)


def rows() -> list[tuple[str, str, str, str]]:
    """The kind, key, reply and verdict of each row. A column `answer` holds an answer alone, which is put in a box."""
    found = []
    for head, body in TABLE.findall(PAGE.read_text()):
        lines = list(ROW.finditer(body))
        assert len(lines) == body.count("\n"), body
        for line in lines:
            text = line["text"].replace("<br>", "\n")
            reply = text if " reply " in head else f"The result is $\\boxed{{{text}}}$."
            found.append((line["kind"] or "math", line["key"], reply, line["verdict"]))
    return found


def test_the_page_has_tables() -> None:
    assert len(rows()) > 70


@pytest.mark.parametrize(("kind", "key", "reply", "verdict"), rows())
def test_a_verdict_is_as_the_page_says(kind: str, key: str, reply: str, verdict: str) -> None:
    found = grade(reply, key, kind)
    assert found.verdict == verdict, found
