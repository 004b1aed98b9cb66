"""Measures how far new questions are from the questions that they were made from: MetaMath's diversity gain (Yu et al.
2023, arXiv 2309.12284). A plain async function without Prefect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.embedding.embeddings import Embeddings, Meter, embed
from redraft.flows.embedding.nearest import nearest
from redraft.flows.embedding.result import DiversityResult, KindDiversity, Thresholds
from redraft.flows.settings import DB, DiversitySettings
from redraft.flows.settings_validation import takes
from redraft.llm.limits import Limits
from redraft.store.digest import digest
from redraft.store.errors import StoreError, plural
from redraft.store.tables.embeddings import MeasuredKind, MeasuredQuestion
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

NEAR = 0.1  # a squared distance of 0.1 is a cosine of 0.95; below it, a question is a near duplicate


@dataclass(frozen=True, kw_only=True)
class DiversityArguments(DiversitySettings):
    """The arguments of `diversity`."""

    db: str | Path | Store = DB
    progress: Progress | None = None
    overwrite: bool = False
    limits: Limits = Limits()  # noqa: RUF009 - frozen


@takes(DiversityArguments)
async def diversity(given: DiversityArguments) -> DiversityResult:
    """Measures the diversity gain of each kind of rewrite in a store, and returns it. The gain is the mean squared
    distance between an accepted question and the nearest question of the base set, with embeddings of length 1. The
    base set consists of the questions that `augment` was given, without questions that are rewrites themselves. A kind
    that makes only answers has the gain 0.

    The view `question_diversity` has the result. A kind below `least_gain` or `least_acceptance` is refused: the source
    `augmented` and the filter `diversity` leave it out. Embeddings by a provider are stored, so no embedding is paid
    for twice. `plot` is the file of a picture that shows the questions of each kind. `overwrite` allows it to replace
    an existing file.

    Raises StoreError, PartError if the offline embedding model is not installed, PlotError, and ModelError if the
    provider fails; the embeddings received before the failure are stored.
    """
    progress = suited(given.progress)
    if given.plot:
        from redraft.flows.plots.questions import check_plot

        check_plot(given.plot, given.projection, overwrite=given.overwrite)
    async with opened(given.db, create=False, waiting=progress.say) as store:
        questions = await off_loop(_read, store)
        name = given.embedder
        run_id = await off_loop(store.start_run, "diversity", digest("diversity", name), "", name, {})
        status = "failed"
        try:
            found = await _measured(given, store, questions, run_id, progress)
            status = "finished"
            return found
        finally:
            await off_loop(store.end_run, run_id, status, {})


class Asked(NamedTuple):
    """A question with its problem's id."""

    problem_id: str
    question: str


@dataclass(frozen=True, slots=True)
class _Questions:
    """The questions of a store: the base set, and the accepted new questions by kind. `answers_only` are the kinds that
    make no new question. `counts` has the numbers of rewrites and of accepted rewrites by kind."""

    base: list[Asked]
    new: Mapping[str, list[Asked]]
    answers_only: frozenset[str]
    counts: Mapping[str, tuple[int, int]]

    def texts(self) -> Iterator[str]:
        yield from (asked.question for asked in self.base)
        for name, found in self.new.items():
            if name not in self.answers_only:
                yield from (asked.question for asked in found)


async def _measured(
    given: DiversityArguments, store: Store, questions: _Questions, run_id: str, progress: Progress
) -> DiversityResult:
    embeddings = await embed(
        [*questions.texts()], given.embedder, store, progress.say, api_base=given.api_base, limits=given.limits
    )
    distances = await off_loop(_distances, questions, embeddings, progress)
    least = Thresholds(given.least_gain, given.least_acceptance)
    kinds = [_kind(name, questions, distances[name], least) for name in questions.counts]
    rows = [MeasuredKind(k.augmentation, len(questions.base), k.rewrites, k.accepted, k.refused) for k in kinds]
    measured = [one for found in distances.values() for one in found]
    await off_loop(store.add_measurement, run_id, given.embedder, rows, measured)
    if given.plot:
        from redraft.flows.plots.questions import plot_questions

        by_kind = {"base set": questions.base, **{name: questions.new[name] for name in _drawn(questions)}}
        if given.projection == "tsne":
            progress.say(f"t-SNE places the questions of {plural(len(by_kind), 'kind')}")
        vectors = {name: embeddings.matrix([asked.question for asked in found]) for name, found in by_kind.items()}
        await off_loop(plot_questions, vectors, given.plot, given.projection)
    paid = embeddings.tokens, embeddings.cost_usd
    return DiversityResult(store.path, run_id, given.embedder, len(questions.base), kinds, *paid, given.plot)


def _drawn(questions: _Questions) -> list[str]:
    return [name for name, found in questions.new.items() if found and name not in questions.answers_only]


def _distances(questions: _Questions, embeddings: Embeddings, progress: Progress) -> dict[str, list[MeasuredQuestion]]:
    """Returns the distance of each new question from the base set, by kind. A question of the base set has the distance
    0 from itself, without rounding errors of its embedding. Every question of a kind that makes only answers has the
    distance 0 too."""
    base = embeddings.matrix([asked.question for asked in questions.base])
    known = {asked.question: asked.problem_id for asked in reversed(questions.base)}
    others = list(dict.fromkeys(text for text in questions.texts() if text not in known))
    places, apart = np.zeros(0, np.int64), np.zeros(0)
    if others:
        meter = Meter(progress.say, "compared", len(others))
        places, apart = nearest(embeddings.matrix(others), base, meter.report)
    by_text = {text: (problem_id, 0.0) for text, problem_id in known.items()}
    for text, place, distance in zip(others, places, apart, strict=True):
        by_text[text] = questions.base[place].problem_id, float(distance)

    def nearest_of(name: str, asked: Asked) -> tuple[str, float]:
        return (asked.problem_id, 0.0) if name in questions.answers_only else by_text[asked.question]

    return {
        name: [MeasuredQuestion(name, asked.problem_id, *nearest_of(name, asked)) for asked in found]
        for name, found in questions.new.items()
    }


def _kind(name: str, questions: _Questions, distances: Sequence[MeasuredQuestion], least: Thresholds) -> KindDiversity:
    kind = KindDiversity(name, *questions.counts[name], len(distances))
    if distances:
        apart = np.array([one.distance for one in distances])
        gain, median, near = float(apart.mean()), float(np.median(apart)), float((apart < NEAR).mean())
        kind = replace(kind, gain=gain, median=median, near=near)
    return replace(kind, refused=least.reason(kind, makes_questions=name not in questions.answers_only))


def _read(store: Store) -> _Questions:
    """Returns the questions of a store. Raises StoreError if the store has no rewrites."""
    base, new, counts = (found.rows for found in store.queries(BASE, NEW, COUNTS))
    if not base:
        raise StoreError(f"{store.path} has no rewrites to measure: `redraft augment` makes them")
    kinds = {name: [Asked(*row) for kind, *row, _ in new if kind == name] for name, *_ in counts}
    only = frozenset(kind for kind, *_, makes_questions in new if not makes_questions)
    return _Questions([Asked(*row) for row in base], kinds, only, {name: (made, kept) for name, made, kept in counts})


BASE = """
SELECT DISTINCT p.problem_id, p.question FROM problems p JOIN rewrites r ON r.parent_id = p.problem_id
WHERE p.augmentation IS NULL ORDER BY ALL"""
NEW = """
SELECT DISTINCT r.augmentation, coalesce(r.problem_id, r.parent_id) AS problem_id, r.question,
       bool_or(r.problem_id IS NOT NULL) OVER (PARTITION BY r.augmentation) AS makes_questions
FROM rewrites r WHERE r.accepted ORDER BY ALL"""
COUNTS = """
SELECT augmentation, count(question), count(*) FILTER (accepted) FROM rewrites GROUP BY ALL ORDER BY ALL"""
