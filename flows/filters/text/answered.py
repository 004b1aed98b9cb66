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
    sql = f"""CASE WHEN answer IS NULL THEN 'no answer' WHEN facts.thinking THEN 'thinking is not closed'
        WHEN NOT regexp_matches(facts.said, '{pattern}', 's') THEN 'answer is not marked{wanted}'"""
    if alone:
        sql += f" WHEN NOT regexp_matches(facts.said, '{pattern}[^\\n]*{END}$', 's') THEN 'text after the answer'"
    return SqlFilter(None, f"{sql} END", SAID, ("commit_id", "path_id", "turn"))


BOX = r"\\boxed ?\{"
HASHES = "#### *[^ \\n]"
END = r"[\s$\\\])*.]*"
"""What may follow the line of an answer: the end of a formula, and marks of a sentence."""
SAID = """
SELECT commit_id, path_id, turn, contains(text, '<think>') AND NOT contains(text, '</think>') AS thinking,
       CASE WHEN contains(text, '</think>') THEN split_part(text, '</think>', -1) ELSE text END AS said
FROM raw.turns"""
