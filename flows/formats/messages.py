"""Whole conversations of several turns."""

from collections.abc import Mapping
from typing import Any

from redraft.flows.filters.candidates import Candidate
from redraft.flows.formats.format import Format, asked, filtered_by, wrote


@filtered_by("correct", "length", "equations", "cap")
def messages(*, whole: bool = False) -> Format:
    """`{"messages": [...]}`: the question, each draft and what was said to it, up to the last right draft, or to the
    last one where none is right; `whole` goes to the last one in any case. What was written before an independent draft
    is not part of its conversation."""

    def row(candidate: Candidate) -> Mapping[str, Any]:
        until = max(turn.turn for turn in candidate.turns) if whole else candidate.turn
        last = next(turn for turn in candidate.turns if turn.turn == until)
        return {"messages": [*asked(candidate, until), wrote(last)]}

    return row
