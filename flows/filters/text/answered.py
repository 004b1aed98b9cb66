"""Keeps drafts that end with their answer in a marked form."""

from typing import Literal

from redraft.flows.filters.filter import Filter, SqlFilter


def answered(*, mark: Literal["any", "box", "hashes"] = "any", alone: bool = False) -> Filter:
    """Drops a draft without an answer, a draft whose answer is not marked by \\boxed{} ("box") or by `####` ("hashes"),
    and a draft whose thinking is not closed (`</think>`); marks in the thinking do not count. With `mark="any"` one of
    the two marks is enough.

    Training recipes call this the format: DeepSeek-R1 (arXiv 2501.12948) rewards thinking between its tags and an
    answer in the asked form; OpenR1-Math keeps replies with both tags and a boxed answer. `alone` also drops a draft if
    text follows the line of the last mark; the end of a formula, such as `\\]`, is no text."""
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
"""What may follow the line of an answer: the end of a formula, and marks of a sentence."""
TEXTS = "SELECT commit_id, path_id, turn, text FROM raw.turns"
THINKING = "contains(facts.text, '<think>') AND NOT contains(facts.text, '</think>')"
SAID = "CASE WHEN contains(facts.text, '</think>') THEN split_part(facts.text, '</think>', -1) ELSE facts.text END"
"""What a draft says after its thinking. It is computed of those drafts alone that no filter before dropped."""
