"""The labels of people, and their agreement with each other and with graders."""

from typing import Any

from redraft.flows.viewer.address import Address
from redraft.flows.viewer.store_reader import Reader

PER_PAGE = 50


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the newest labels, beginning with number `start`, and Cohen's kappa of each person with all others."""
    start = asked.whole("start")
    labels = reader.rows(LABELS.format(start=start, most=PER_PAGE + 1))
    return {
        "title": "Labels",
        "labels": labels[:PER_PAGE],
        "agreement": reader.rows("FROM label_agreement"),
        "people": reader.rows(PEOPLE),
        "before": asked.but(start=max(0, start - PER_PAGE) or None) if start else None,
        "following": asked.but(start=start + PER_PAGE) if len(labels) > PER_PAGE else None,
    }


LABELS = """
SELECT l.*, p.question FROM labels l LEFT JOIN problems p USING (problem_id)
ORDER BY l.labelled_at DESC, l.trajectory_id LIMIT {most} OFFSET {start}"""
PEOPLE = """
SELECT person, count(*) AS labels, count(*) FILTER (verdict = 'right') AS "right",
       count(*) FILTER (verdict = 'wrong') AS wrong, count(*) FILTER (verdict = 'skip') AS skipped,
       max(labelled_at) AS last_at
FROM labels WHERE current GROUP BY person ORDER BY labels DESC"""
