"""What came of a stage, in one line."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from redraft.flows.display.plural import counted
from redraft.flows.filter import Filtered

if TYPE_CHECKING:
    from redraft.flows.summary.summary import Summary


def drawn(summary: "Summary") -> str:
    """Such as "5 problems, 10 trajectories: 4 right; 10 new, 0 already there"."""
    failed = f", {summary.failed:,} failed" if summary.failed else ""
    right = f"{summary.right:,} right" if summary.known_problems else "no problem has a known answer"
    there = summary.trajectories - summary.failed - summary.new
    return (
        f"{counted(summary.problems, 'problem')}, {counted(summary.trajectories, 'trajectory')}: "
        f"{right}{failed}; {summary.new:,} new, {there:,} already there"
    )


def outcome(filtered: Filtered, as_json: bool = False) -> str:
    """Such as "118 kept, 40 held out, 162 dropped (110 wrong answer, 52 duplicate) ...", or the same as JSON."""
    if as_json:
        return json.dumps(asdict(filtered))
    dropped = sum(filtered.dropped.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in filtered.dropped.items())
    held_out = f"{filtered.held_out:,} held out, " if filtered.held_out else ""
    where = f"{filtered.file}; " if filtered.file else ""
    cure = f". {CURE}" if filtered.held_out and not (filtered.kept or dropped) else ""
    return (
        f"{filtered.kept:,} kept, {held_out}{dropped:,} dropped{f' ({reasons})' if reasons else ''}: "
        f"{where}dataset {filtered.dataset_id} in {filtered.db}{cure}"
    )


CURE = (
    "All of these problems are held out, to measure by: generate from others, such as builtin:split=train, or take them"
    " all the same with --include-heldout"
)
