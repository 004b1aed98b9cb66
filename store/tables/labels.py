"""People's labels of stored drafts."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc


@dataclass(frozen=True, slots=True)
class Label:
    """A person's judgement of one draft. `draft_key` is the `prefix_key` of the draft's last step. The label counts
    only if the stored draft has the same key, so a label of an older text is ignored."""

    trajectory_id: str
    turn: int  # 1 for the first draft
    person: str
    verdict: str  # "right", "wrong" or "skip"
    first_wrong_step: int | None  # from 1
    remark: str | None
    draft_key: str
    key_shown: bool = False


def add_labels(batch: Batch, labels: Iterable[Label]) -> None:
    """Adds labels, all or none. If a person labels a draft several times, the last label counts."""
    moment = utc()
    batch.add("labels", [(*astuple(label), moment) for label in labels])
