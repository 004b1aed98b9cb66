"""Rows for supervised fine-tuning with TRL 1.x."""

from collections.abc import Mapping
from typing import Any, Literal

from redraft.flows.filters.candidates import Candidate
from redraft.flows.formats.format import Format


def sft(*, style: Literal["prompt", "messages", "text"] = "prompt") -> Format:
    """The question alone is the prompt. The last right draft is the completion, however many turns it took.

    `prompt` is `{"prompt": [...], "completion": [...]}` in messages; TRL computes its loss on the completion alone;
    `messages` is `{"messages": [...]}`; `text` is `prompt` with plain strings, for models without a chat template.

    Args:
        style: The columns: `prompt` and completion in messages, `messages` as one list, or `text` as plain strings.
    """

    def row(candidate: Candidate) -> Mapping[str, Any]:
        asked = {"role": "user", "content": candidate.question}
        solved = {"role": "assistant", "content": candidate.text}
        if style == "messages":
            return {"messages": [asked, solved]}
        if style == "text":
            return {"prompt": f"{candidate.question}\n\n", "completion": candidate.text}
        return {"prompt": [asked], "completion": [solved]}

    return row
