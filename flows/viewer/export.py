"""Writes pages as files that open without a server, for example for the appendix of a paper or for an issue."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.server import ViewError
from redraft.flows.viewer.site import HOME, Site
from redraft.flows.viewer.store_reader import PATIENCE_S, Reader
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

MARK = "view.css"
"""The file by which a folder of an earlier export is recognized."""


class FileLinks:
    """Links between files of one folder. A page to which a link was requested is written later, if it is chosen."""

    live = False

    def __init__(self, problems: set[str], units: set[str], runs: set[str]) -> None:
        self._chosen = {"problem": problems, "run": runs, "tree": units, "calls": units}
        self._units = units
        self.asked: dict[str, Address] = {}

    def page(self, address: Address) -> str | None:
        """Returns the file name of the page, or None if the page is not chosen."""
        if not self._writes(address):
            return None
        plain = Address.of(address.page, **{name: address.get(name) for name in KEPT if address.get(name)})
        if address.page in INDEX:
            plain = Address.of(address.page, of=address.get("of"))
        self.asked.setdefault(file_name(plain), plain)
        return file_name(plain)

    def file(self, name: str) -> str:
        return name

    def _writes(self, address: Address) -> bool:
        if address.page in INDEX:
            return True
        name = address.get("id") or address.get("unit")
        if address.page == "trajectory":
            return name.rpartition(":")[0] in self._units
        return name in self._chosen.get(address.page, ())


INDEX = ("runs", "problems", "charts", "labels")
"""The pages that are always written, once each."""

KEPT = ("id", "unit", "start")
"""The query names that distinguish two pages of the same kind."""


def write_pages(
    store: Store,
    folder: str | Path,
    *,
    problems: Sequence[str] = (),
    runs: Sequence[str] = (),
    limit: int = 100,
    overwrite: bool = False,
) -> int:
    """Writes the pages of problems, with their trajectories, trees and calls, and returns the number of pages.
    `problems` and `runs` select problems. If neither is given, or if a run has more problems, the `limit` problems with
    the newest results are written. A problem that only `runs` select is written with only the results of these runs.
    The folder appears only when it is complete. Raises ViewError if the folder is not empty, unless `overwrite` is set
    and an export made the folder. Raises NotThere if the store does not have a selected run or problem."""
    target, reader = Path(folder), Reader(store)
    _check(target, overwrite)
    with store.held(read_only=True, patience=PATIENCE_S):  # all pages show the same state of the store
        chosen = _problems(reader, problems, runs, limit)
        those = one_of("problem_id", chosen)
        if runs:
            those += f" AND ({one_of('run_id', runs)} OR {one_of('problem_id', problems)})"
        units = reader.rows(f"SELECT unit_id, run_id FROM raw.published WHERE {those}")
        links = FileLinks(set(chosen), {row["unit_id"] for row in units}, {row["run_id"] for row in units})
        site = Chosen(reader, links, chosen, whole=set(problems) if runs else set(chosen), runs=runs)
        new = target.with_name(f".{target.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            return _write(site, links, new, target)
        finally:
            shutil.rmtree(new, ignore_errors=True)


class Chosen(Site):
    """The pages of some problems. The list of problems contains only these. A problem that is not in `whole` is shown
    with only the results of `runs`."""

    def __init__(
        self, reader: Reader, links: FileLinks, problems: Sequence[str], whole: set[str], runs: Sequence[str]
    ) -> None:
        super().__init__(reader, links)
        self._problems, self._whole, self._runs = problems, whole, runs

    def read(self, address: Address) -> dict[str, Any]:
        if address.page == "problem" and address.get("id") not in self._whole:
            return super().read(address.but(run=self._runs))
        if address.page != "problems":
            return super().read(address)
        from redraft.flows.viewer.pages.problems import read_these

        return read_these(self.reader, self._problems, () if self._whole else self._runs)


def _write(site: Site, links: FileLinks, new: Path, target: Path) -> int:
    """Writes every page to which there is a link, beginning with the list of runs, and moves the folder to its target.
    Returns the number of pages."""
    for page in INDEX:
        links.page(Address.of(page))
    done: set[str] = set()
    while left := [name for name in links.asked if name not in done]:
        for name in left:
            done.add(name)
            (new / name).write_text(site.render(links.asked[name]), encoding="utf-8")
    shutil.copy(new / "runs.html", new / "index.html")
    for file in (HOME / "static").iterdir():
        shutil.copy(file, new / file.name)
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return len(done)


def file_name(address: Address) -> str:
    """Returns the file name of a page: the page's name, and if it has a query, the readable part of the query and its
    hash."""
    if not address.query:
        return f"{address.page}.html"
    words = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(value for _, value in address.query))[:40].strip("-").lower()
    return f"{address.page}-{words}-{hashlib.sha256(str(address).encode()).hexdigest()[:8]}.html"


def _problems(reader: Reader, problems: Sequence[str], runs: Sequence[str], limit: int) -> list[str]:
    """Returns the ids of the selected problems. Raises NotThere."""
    for kind, table, names in (("problem", "raw.problems", problems), ("run", "raw.commits", runs)):
        for name in names:
            if not reader.rows(f"SELECT 1 AS found FROM {table} WHERE {kind}_id = {literal(name)} LIMIT 1"):
                raise NotThere(f"no {kind} {name!r} with results in {reader.store.path}")
    named = [one_of("problem_id", problems)] if problems else []
    named += [one_of("run_id", runs)] if runs else []
    these = " OR ".join(named) or "true"
    sql = (
        f"SELECT problem_id FROM raw.commits WHERE {these} GROUP BY problem_id"
        f" ORDER BY max(commit_id) DESC, problem_id LIMIT {limit}"  # commit numbers grow with time
    )
    found = [row["problem_id"] for row in reader.rows(sql)]
    return sorted({*problems, *found}) if problems and not runs else sorted(found)


def _check(target: Path, overwrite: bool) -> None:
    if target.exists() and not target.is_dir():
        raise ViewError(f"{target} is a file: name a folder")
    if target.is_dir() and any(target.iterdir()):
        if not (target / MARK).exists():
            raise ViewError(f"{target} has other files: name a new folder")
        if not overwrite:
            raise ViewError(f"{target} exists: name another, or replace it with --overwrite")
