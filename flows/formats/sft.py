"""Rows for supervised fine-tuning with TRL 1.x."""

from collections.abc import Mapping
from typing import Any

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.formats.format import Format, SqlFormat, json_sql, sql_text, trains
from redraft.flows.formats.shared.columns import Style, example


@trains("sft")
def sft(*, style: Style = "prompt") -> Format:
    """Writes a row for each trajectory: the question is the prompt, and the last right draft is the completion, however
    many turns it took.

    The style `prompt` is `{"prompt": [...], "completion": [...]}` in messages, and TRL computes the loss only on the
    completion. The style `messages` is `{"messages": [...]}`. The style `text` is like `prompt`, but with plain
    strings, for models without a chat template.

    Args:
        style: The columns: `prompt` and completion in messages, `messages` as one list, or `text` as plain strings.
    """

    def row(candidate: Candidate) -> Mapping[str, Any]:
        return example(style, candidate.question, completion=candidate.text)

    return SqlFormat(row, json_sql(example(style, sql_text("question"), completion=sql_text("text"))))
