"""Conversations of several turns, with all drafts and feedback."""

from collections.abc import Mapping
from typing import Any

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.formats.format import Format, filtered_by, trains
from redraft.flows.formats.shared.columns import draft_message, prompt_messages


@filtered_by("correct", "length", "equations", "cap")
@trains("sft")
def messages(*, whole: bool = False) -> Format:
    """Writes a row `{"messages": [...]}` for each trajectory: the question, each draft and the feedback on it, up to
    the last right draft. If no draft is right, or with `whole`, the conversation ends with the last draft. Everything
    before an independent draft is left out."""

    def row(candidate: Candidate) -> Mapping[str, Any]:
        until = max(turn.turn for turn in candidate.turns) if whole else candidate.turn
        last = next(turn for turn in candidate.turns if turn.turn == until)
        return {"messages": [*prompt_messages(candidate, until), draft_message(last)]}

    return row
