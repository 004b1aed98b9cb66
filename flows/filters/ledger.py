"""What becomes of each trajectory that a dataset might take, kept in bounded memory until the dataset is stored."""

import pickle
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryFile

from redraft.store.tables.runs import DatasetRow


class Ledger:
    """Records for each trajectory, or for each of its drafts, the number of its row or the reason why it has no row.
    Rows are numbered from 0, and are in a temporary file beyond the first thousands, so that memory does not grow."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.kept = 0
        self.held_out = 0
        self._rows: list[DatasetRow] = []
        self._file = TemporaryFile()  # noqa: SIM115 - closed with the ledger
        self._parts = 0  # parts of rows in the file

    def keep(self, trajectory_id: str, step_id: str | None = None) -> None:
        self._add(DatasetRow(self.kept, trajectory_id, step_id, None))
        self.kept += 1

    def drop(self, reason: str, trajectory_id: str, step_id: str | None = None) -> None:
        """Records a dropped trajectory. Reasons with the same text before their first colon are counted together."""
        self._add(DatasetRow(None, trajectory_id, step_id, reason))
        self.reasons[reason.partition(":")[0]] += 1

    def hold_out(self, reason: str, trajectory_id: str) -> None:
        """Records a trajectory of a held-out problem. `held_out` counts these trajectories, not `reasons`."""
        self._add(DatasetRow(None, trajectory_id, None, f"held out: {reason}"))
        self.held_out += 1

    def rows(self) -> Iterator[DatasetRow]:
        """Yields every row, in the order in which they were recorded."""
        self._file.seek(0)
        for _ in range(self._parts):
            yield from pickle.load(self._file)
        yield from self._rows

    def _add(self, row: DatasetRow) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_IN_MEMORY:
            pickle.dump(self._rows, self._file)
            self._parts, self._rows = self._parts + 1, []


ROWS_IN_MEMORY = 4096
