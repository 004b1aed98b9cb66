"""Keeps problems that are neither too easy nor too hard for the model that drew the samples."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.store.errors import PartError
from redraft.store.plugins.arguments import check_number, check_range

BINS = 4


def difficulty(
    *, least: float = 0.0, most: float = 1.0, samples: int = 1, balance: bool = False, bins: int = BINS
) -> Filter:
    """Drops the drafts of a problem whose pass rate is below `least` or above `most`, or that has fewer than `samples`
    judged samples. The pass rate is the share of right first drafts among the samples that did not use the answer key.
    Failed samples are not counted, and a draft without an answer is wrong. `least=0.01 most=0.99` drops problems whose
    drafts are all right or all wrong.

    With `balance`, the range of pass rates is divided into `bins` equal intervals, and each interval that has problems
    keeps the same number of them. Therefore easy problems do not outnumber hard problems. The number is that of the
    interval with the fewest problems, and problems are taken in the order of the MD5 of their ids. Problems are counted
    whether or not other filters keep a draft of them, so set `least` above 0 if you also use `correct`. Pass rates are
    in [0, 1]. Raises PartError for a number outside its range, and for a `least` above `most`.
    """
    check_number("difficulty.least", least, 0.1, least=0, most=1)
    check_number("difficulty.most", most, 0.9, least=0, most=1)
    check_range("difficulty", least, most)
    check_number("difficulty.samples", samples, 4, least=1)
    check_number("difficulty.bins", bins, 4, least=1)
    if bins != BINS and not balance:
        raise PartError(f"difficulty.bins={bins} is for balance=true: set it too")
    told = "printf('%.2f of %d samples', facts.rate, facts.n)"
    sql = f"""CASE WHEN coalesce(facts.n, 0) < {samples} OR facts.n IS NULL
            THEN 'pass rate not known: ' || coalesce(facts.n, 0) || ' judged samples'
        WHEN facts.rate < {least!r} THEN 'pass rate below {least}: ' || {told}
        WHEN facts.rate > {most!r} THEN 'pass rate above {most}: ' || {told}"""
    if balance:
        sql += f" WHEN facts.number > facts.share THEN 'more problems than in other bins: pass rate ' || {told}"
    facts = RATES + (BALANCED.format(bins=bins, least=least, most=most, samples=samples) if balance else "FROM rates")
    return SqlFilter(None, f"{sql} END", facts, ("problem_id",))


RATES = """
WITH firsts AS (
    SELECT d.problem_id, CASE WHEN d.answer IS NULL THEN false ELSE d.correct END AS correct
    FROM drafts d JOIN problems q USING (problem_id)
    WHERE d.role = 'sample' AND d.turn = 1 AND NOT d.oracle_used AND d.ended IS DISTINCT FROM 'failed'
        AND d.note IS NULL AND q.answer IS NOT NULL
), rates AS (
    SELECT problem_id, count(correct) AS n, avg(correct::INT) AS rate FROM firsts GROUP BY ALL HAVING count(correct) > 0
)
"""
BALANCED = """, binned AS (
    SELECT *, least(floor(rate * {bins}), {bins} - 1) AS bin FROM rates
    WHERE rate BETWEEN {least!r} AND {most!r} AND n >= {samples}
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY bin ORDER BY md5(problem_id)) AS number,
           count(*) OVER (PARTITION BY bin) AS size FROM binned
)
SELECT r.*, number, min(size) OVER () AS share FROM rates r LEFT JOIN numbered USING (problem_id)"""
