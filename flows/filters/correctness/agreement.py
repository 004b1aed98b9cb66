"""Keeps drafts with an answer on which most samples of their problem agree. It is meant for problems without a known
answer."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import PATIENCE
from redraft.graders.answers.canonical import canonical
from redraft.store.json_records import texts
from redraft.store.plugins.arguments import check_number
from redraft.store.problems import Kind
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


def agreement(*, least: float = 0.5, samples: int = 2) -> Filter:
    """Drops a draft if its answer is the last answer of less than a share `least` of the problem's samples, or if the
    problem has fewer than `samples` samples. Huang et al. 2022 (arXiv 2210.11610) train on drafts with the majority's
    answer. Answers are compared as in a vote (`canonical`). Failed samples are not counted. Samples without an answer
    are counted, and agree with no answer. `least` is in [0, 1]."""
    check_number("agreement.least", least, 0.5, least=0, most=1)
    check_number("agreement.samples", samples, 2, least=1)
    return SqlFilter(
        None,
        f"""CASE WHEN coalesce(facts.samples, 0) < {samples}
                THEN 'too few samples: ' || coalesce(facts.samples, 0) || ' of at least {samples}'
            WHEN facts.agree IS NULL THEN 'no answer that a sample gives'
            WHEN facts.agree < {least!r} * facts.samples
                THEN 'too few samples agree: ' || facts.agree || ' of ' || facts.samples END""",
        _votes,
        ("problem_id", "answer"),
    )


def _votes(store: Store) -> str:
    """Returns a SELECT for the number of samples that agree with each answer of each problem. Vote keys are computed in
    Python, except for plain integers, which are their own keys."""
    found = store.query(OTHERS, patience=PATIENCE).rows
    keyed = [(kind, answer, key) for kind, answer in found if (key := canonical(answer, Kind(kind))) is not None]
    kinds, answers, keys = (_unnested([row[column] for row in keyed]) for column in range(3))
    return VOTES.format(kinds=kinds, answers=answers, keys=keys, whole=WHOLE)


def _unnested(values: list[str]) -> str:
    return f"unnest(from_json({literal(texts(values))}, '[\"VARCHAR\"]'))"


WHOLE = "q.kind = 'math' AND regexp_full_match(d.answer, '0|[1-9][0-9]{0,17}')"
OTHERS = f"""
SELECT DISTINCT q.kind, d.answer FROM raw.judged d JOIN problems q USING (problem_id)
WHERE d.answer IS NOT NULL AND d.role <> 'rollout' AND NOT ({WHOLE}) ORDER BY ALL"""
VOTES = """
WITH keys AS (
    SELECT {kinds} AS kind, {answers} AS answer, {keys} AS vote
), answered AS (
    SELECT d.problem_id, d.answer, CASE WHEN {whole} THEN d.answer ELSE k.vote END AS vote,
           d.role = 'sample' AND d.turn = d.turns AND d.ended IS DISTINCT FROM 'failed' AS votes
    FROM drafts d JOIN problems q USING (problem_id) LEFT JOIN keys k ON k.kind = q.kind AND k.answer = d.answer
), counted AS (
    SELECT problem_id, answer, vote, count_if(votes) AS n FROM answered GROUP BY ALL
)
SELECT problem_id, answer, sum(n) OVER (PARTITION BY problem_id)::BIGINT AS samples,
       CASE WHEN vote IS NOT NULL THEN sum(n) OVER (PARTITION BY problem_id, vote)::BIGINT END AS agree
FROM counted"""
