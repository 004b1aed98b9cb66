"""Applies a chain of filters to stored trajectories."""

import shlex
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby, takewhile
from typing import Any, NamedTuple, cast

from redraft.flows.filters.filter import Filter, ProblemFilter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate, sifted_candidates
from redraft.flows.filters.sifting.filter_sql import FAILED, Judge, Scope
from redraft.flows.filters.sifting.held_out import notes
from redraft.flows.filters.sifting.ledger import Ledger
from redraft.flows.filters.sifting.validation import checked_filter
from redraft.flows.generation.identity import identity
from redraft.store.errors import PartError, alternatives
from redraft.store.plugins.arguments import flat, whole
from redraft.store.plugins.discovery import load
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

FilterSpec = str | Callable[..., Filter]
Filters = FilterSpec | Sequence[FilterSpec]
"""A filter, or several filters in order."""
Found = tuple[str, Candidate | str]
"""A trajectory's id, and the candidate or the reason why the trajectory is dropped."""
MARK = "\x1f"
"""The separator between the name of a filter and its reason in a marked chain."""


class _Named(NamedTuple):
    name: str
    filter: Filter


class Chain:
    """A chain of filters. Each candidate is dropped by the first filter that returns a reason.

    `filters` are names of filters, or filter functions; a single filter need not be in a list. A name may be followed
    by arguments: "cap most=2". The same filter may appear several times. `given` are arguments for all filters of a
    name (`{"cap.most": 2}`); arguments in the text of a filter override them. With `marked`, each reason is preceded by
    the name of its filter and MARK. Raises PartError for an unknown filter or argument.
    """

    def __init__(self, filters: Filters, given: Mapping[str, Any], *, marked: bool = False) -> None:
        self.spec: list[dict[str, Any]] = []
        self._marked = marked
        made: list[_Named] = []
        factories = [(spec, load(spec, "filter"), own) for spec, own in map(_parsed, listed(filters))]
        names = [factory.__name__ for _, factory, _ in factories]
        given = flat(given)
        for key in given:
            if key.partition(".")[0] not in names or "." not in key:
                raise PartError(f"no argument {key!r} of these filters; {alternatives(key, _arguments_of(names))}")
        for (spec, factory, own), name in zip(factories, names, strict=True):
            for_all = {key.partition(".")[2]: value for key, value in given.items() if key.partition(".")[0] == name}
            values = whole(factory, {**for_all, **own}, "filter", f"{name}.")
            made.append(_Named(name, checked_filter(factory, values)))
            self.spec.append({"name": identity(spec), **values})
        self._filters = made
        self._first = list(takewhile(lambda each: isinstance(each.filter, SqlFilter), made))
        self._later: list[_Named] = []
        self._rest: list[_Named] = []
        for each in made[len(self._first) :]:
            in_sql = isinstance(each.filter, SqlFilter) and each.filter.judge is None
            self._rest.append(_Named(each.name, _verdict(len(self._later))) if in_sql else each)
            self._later += [each] if in_sql else []

    @property
    def is_sql(self) -> bool:
        """Returns True if all filters have an SQL form."""
        return not self._rest

    @property
    def names(self) -> list[str]:
        """Returns the names of the filters in order. The first is "failed", the built-in filter of failed
        trajectories."""
        return ["failed", *(each.name for each in self._filters)]

    def judges(self, store: Store) -> list[Judge]:
        """Returns the SQL forms of the first filters, up to the first filter that has none. Raises PartError for an
        argument that does not fit the store."""
        failed = FAILED._replace(sql=self._with_name("failed", FAILED.sql))
        return [failed, *(self._judge(each, store, each.name) for each in self._first)]

    def later(self, store: Store) -> list[Judge]:
        """Returns the SQL forms of those later filters that only DuckDB can evaluate. Their results are the `verdicts`
        of a candidate. Raises PartError."""
        return [self._judge(each, store) for each in self._later]

    def __call__(self, candidate: Candidate) -> str | None:
        """Returns the reason why a candidate is dropped, or None if it is kept. All filters must have a form in
        Python."""
        if candidate.stop == "failed":
            return f"failed: {candidate.reason or 'no reason was given'}"
        return self._first_reason(self._filters, candidate)

    def rest(self, found: Iterable[Found]) -> Iterable[Found]:
        """Applies the filters that are not part of `judges`. Returns pairs of a trajectory's id and the candidate, or
        the reason why it is dropped."""
        for at_once, filters in groupby(self._rest, lambda each: isinstance(each.filter, ProblemFilter)):
            if at_once:
                for named in filters:
                    found = self._by_problem(named, found)
            else:
                found = self._one_by_one([*filters], found)
        return found

    def _one_by_one(self, filters: Sequence[_Named], found: Iterable[Found]) -> Iterator[Found]:
        for name, candidate in found:
            reason = candidate if isinstance(candidate, str) else self._first_reason(filters, candidate)
            yield name, candidate if reason is None else reason

    def _by_problem(self, named: _Named, found: Iterable[Found]) -> Iterator[Found]:
        """Yields the candidates of a problem when a candidate of the next problem arrives. Yields a dropped candidate
        at once."""
        asked: list[Candidate] = []
        for name, candidate in found:
            if isinstance(candidate, str):
                yield name, candidate
                continue
            if asked and asked[0].problem_id != candidate.problem_id:
                yield from self._judged(named, asked)
                asked = []
            asked.append(candidate)
        yield from self._judged(named, asked) if asked else ()

    def _judged(self, named: _Named, asked: Sequence[Candidate]) -> Iterator[Found]:
        reasons = cast(ProblemFilter, named.filter).judge(asked)
        for candidate, reason in zip(asked, reasons, strict=True):
            yield candidate.trajectory_id, candidate if reason is None else self._told(named.name, reason)

    def _judge(self, named: _Named, store: Store, name: str = "") -> Judge:
        made = cast(SqlFilter, named.filter)
        facts = made.facts if isinstance(made.facts, str) else made.facts(store)
        return Judge(self._with_name(name, made.sql) if name else made.sql, facts, made.by)

    def _with_name(self, name: str, sql: str) -> str:
        return f"{literal(name + MARK)} || ({sql})" if self._marked else sql

    def _first_reason(self, filters: Sequence[_Named], candidate: Candidate) -> str | None:
        for name, judge in filters:
            if (reason := judge(candidate)) is not None:
                return self._told(name, reason)
        return None

    def _told(self, name: str, reason: str) -> str:
        return f"{name}{MARK}{reason}" if self._marked else reason


def names_of(filters: Filters) -> list[str]:
    """Returns the names of filters, which are the prefixes of their arguments. Raises PartError for an unknown
    filter."""
    return [load(spec, "filter").__name__ for spec, _ in map(_parsed, listed(filters))]


def listed(filters: Filters) -> Sequence[FilterSpec]:
    """Returns the filters as a list, even if there is a single filter that is not in a list."""
    return [filters] if isinstance(filters, str) or callable(filters) else filters


def _parsed(spec: FilterSpec) -> tuple[FilterSpec, dict[str, str]]:
    """Returns a pair of a filter without the arguments in its text, and these arguments. Raises PartError if they are
    not `key=value`."""
    if not isinstance(spec, str) or "=" not in spec:
        return spec, {}
    try:
        name, *texts = shlex.split(spec)
        settings = [_setting(text) for text in texts]
    except ValueError as error:
        raise PartError(f'filter {spec!r} cannot be read: write it as "cap most=2"') from error
    for key, times in Counter(key for key, _ in settings).items():
        if times > 1:
            raise PartError(f"filter {spec!r} sets {key!r} {times} times: keep one of them")
    return name, dict(settings)


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ValueError(text)
    return key, value


def _arguments_of(names: Sequence[str]) -> list[str]:
    return [f"{name}.<argument>" for name in dict.fromkeys(names)]


def _verdict(number: int) -> Filter:
    return lambda candidate: candidate.verdicts[number]


def sift(store: Store, chain: Chain, scope: Scope, ledger: Ledger) -> Generator[Candidate]:
    """Yields the candidates that are not held out and that the filters keep, in order. The ledger records all other
    candidates. DuckDB applies the filters up to the first one that has no SQL form. The store is kept open until the
    last candidate is read or the generator is closed."""
    held_out = {} if scope.include_heldout else notes(store)
    judges, later = chain.judges(store), chain.later(store)
    with closing(sifted_candidates(store, judges, scope, held_out, later)) as found:
        for trajectory_id, candidate in chain.rest(found):
            if isinstance(candidate, str):
                ledger.drop(candidate, trajectory_id)
            else:
                yield candidate
