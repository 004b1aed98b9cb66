"""What came of filtering, in words or as JSON."""

import json
from dataclasses import asdict

from redraft.flows.filter import Filtered


def outcome(filtered: Filtered, as_json: bool = False) -> str:
    """Such as "118 kept, 202 dropped (150 wrong answer, 52 duplicate) ..."."""
    if as_json:
        return json.dumps(asdict(filtered))
    dropped = sum(filtered.dropped.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in filtered.dropped.items())
    where = f"{filtered.file}; " if filtered.file else ""
    return (
        f"{filtered.kept:,} kept, {dropped:,} dropped{f' ({reasons})' if reasons else ''}: "
        f"{where}dataset {filtered.dataset_id} in {filtered.db}"
    )
