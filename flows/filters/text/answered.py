"""Keeps drafts that end with a marked answer."""

from typing import Literal

from redraft.flows.filters.filter import Filter, SqlFilter


def answered(*, mark: Literal["any", "box", "hashes"] = "any", alone: bool = False) -> Filter:
    """Drops a draft without an answer, a draft whose answer is not marked by \\boxed{} ("box") or by `####` ("hashes"),
    and a draft whose reasoning is not closed by `</think>`. Marks inside the reasoning are ignored. With `mark="any"`,
    one of the two marks is enough.

    Training recipes call this the format reward: DeepSeek-R1 (arXiv 2501.12948) rewards reasoning between its tags and
    an answer in the requested form; OpenR1-Math keeps replies with both tags and a boxed answer. `alone` also drops a
    draft if text follows the line of the last mark. The end of a formula, such as `\\]`, does not count as text.
    """
    pattern = {"any": f"(?:{BOX}|{HASHES})", "box": BOX, "hashes": HASHES}[mark]
    wanted = {"any": "", "box": " by a box", "hashes": " by ####"}[mark]
    sql = f"""CASE WHEN answer IS NULL THEN 'no answer' WHEN {THINKING} THEN 'thinking is not closed'
        WHEN NOT regexp_matches({SAID}, '{pattern}', 's') THEN 'answer is not marked{wanted}'"""
    if alone:
        sql += f" WHEN NOT regexp_matches({SAID}, '{pattern}[^\\n]*{END}$', 's') THEN 'text after the answer'"
    return SqlFilter(None, f"{sql} END", TEXTS, ("commit_id", "path_id", "turn"))


BOX = r"\\boxed ?\{"
HASHES = "#### *[^ \\n]"
END = r"[\s$\\\])*.]*"
"""Matches what may follow the line of an answer: the end of a formula, and punctuation."""
TEXTS = "SELECT commit_id, path_id, turn, text FROM raw.turns"
THINKING = "contains(facts.text, '<think>') AND NOT contains(facts.text, '</think>')"
SAID = "CASE WHEN contains(facts.text, '</think>') THEN split_part(facts.text, '</think>', -1) ELSE facts.text END"
"""The text of a draft after its reasoning, as SQL. It is computed only for drafts that no earlier filter dropped."""
