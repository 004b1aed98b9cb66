"""Records what happens to each trajectory that a dataset might contain. Memory is bounded until the dataset is
stored."""

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile

from redraft.store.tables.runs import DatasetRow


class Ledger:
    """Records, for each trajectory or each of its drafts, the row number or the reason why it has no row. Rows are
    numbered from 0; rows of the validation split come after all others. After the first thousands, records are written
    to a temporary file, so that memory does not grow."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.kept = 0
        self.held_out = 0
        self._validation = 0  # the number of kept rows in the validation split
        self.labels: Counter[bool] = Counter()  # counts of the rows that have a label
        self._rows: list[tuple[int | None, str, str | None, str | None]] = []  # pickled faster than named tuples
        self._file = TemporaryFile()  # noqa: SIM115 - closed with the ledger
        self._parts = 0  # batches of records in the file

    def keep(
        self,
        trajectory_id: str,
        step_id: str | None = None,
        beside: Iterable[tuple[str, str | None]] = (),
        *,
        validation: bool = False,
    ) -> None:
        """Records a row. If the row is made from several drafts, `beside` has pairs of the trajectory and the step of
        its other drafts, which get the same row number."""
        number = -1 - self._validation if validation else self.kept - self._validation
        for trajectory, step in ((trajectory_id, step_id), *beside):
            self._add((number, trajectory, step, None))
        self.kept += 1
        self._validation += validation

    def drop(self, reason: str, trajectory_id: str, step_id: str | None = None) -> None:
        """Records a dropped trajectory. Reasons with the same text before their first colon are counted together;
        trajectories of held-out problems are counted in `held_out`."""
        self._add((None, trajectory_id, step_id, reason))
        self.count(reason, 1)

    def count(self, reason: str | None, trajectories: int) -> None:
        """Counts trajectories that an SQL statement has recorded. `reason` is an example of their reasons, or None if
        they were kept."""
        if reason is None:
            self.kept += trajectories
        elif reason.startswith(HELD_OUT):
            self.held_out += trajectories
        else:
            self.reasons[reason.partition(":")[0]] += trajectories

    def rows(self) -> Iterator[DatasetRow]:
        """Yields all records, in the order in which they were made."""
        self._file.seek(0)
        for _ in range(self._parts):
            yield from map(self._numbered, pickle.load(self._file))
        yield from map(self._numbered, self._rows)

    def _numbered(self, row: tuple[int | None, str, str | None, str | None]) -> DatasetRow:
        if row[0] is not None and row[0] < 0:
            return DatasetRow(self.kept - self._validation - 1 - row[0], *row[1:])
        return DatasetRow._make(row)

    def _add(self, row: tuple[int | None, str, str | None, str | None]) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_IN_MEMORY:
            pickle.dump(self._rows, self._file)
            self._parts, self._rows = self._parts + 1, []


ROWS_IN_MEMORY = 4096
HELD_OUT = "held out: "
"""The prefix of the reason of a trajectory whose problem is held out."""
