"""`redraft view --export`: static pages, complete in themselves."""

import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from redraft.flows.viewer.address import NotThere
from redraft.flows.viewer.export import file_name, write_pages
from redraft.flows.viewer.server import ViewError
from redraft.flows.viewer.site import Address
from redraft.store import Store

Redraft = Callable[..., subprocess.CompletedProcess[str]]


class Places(HTMLParser):
    """The places that a page refers to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.tags: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found |= {value for name, value in attrs if name in ("href", "src", "action") and value}


@pytest.fixture
def store(seen: Path) -> Store:
    return Store(seen, create=False)


def test_every_link_of_an_export_leads_to_a_file_of_it(store: Store, tmp_path: Path) -> None:
    pages = write_pages(store, tmp_path / "out", limit=2)
    files = sorted((tmp_path / "out").glob("*.html"))
    assert len(files) == pages + 1  # index.html is the list of runs
    names = {file.name for file in (tmp_path / "out").iterdir()}
    reached = set[str]()
    for file in files:
        places = Places(file)
        kept = {place for place in places.found if not place.startswith(("#", "data:"))}
        assert kept <= names, kept - names
        reached |= kept
        assert not places.tags & {"iframe", "object", "embed", "base"}
        assert "http" not in re.sub(r"<pre>.*?</pre>", "", file.read_text(), flags=re.DOTALL).replace("http-equiv", "")
        assert "<form action" not in file.read_text()
        assert "data-label" not in file.read_text()
    assert {name for name in names if name.endswith(".html")} - reached <= {"index.html"}


def test_an_export_has_the_chosen_problems_and_no_others(store: Store, tmp_path: Path) -> None:
    every = [row[0] for row in store.query("SELECT problem_id FROM problems ORDER BY 1").rows]
    write_pages(store, tmp_path / "out", problems=[every[3]])
    text = "".join(file.read_text() for file in (tmp_path / "out").glob("*.html"))
    assert every[3] in text
    listed = (tmp_path / "out" / "problems.html").read_text()
    assert [name for name in every if name in listed] == [every[3]]
    assert len(list((tmp_path / "out").glob("problem-*.html"))) == 1
    trajectories = store.query(f"SELECT count(*) FROM samples WHERE problem_id = '{every[3]}'").rows[0][0]
    assert len(list((tmp_path / "out").glob("trajectory-*.html"))) >= trajectories


def test_an_export_without_a_choice_has_the_problems_with_the_newest_results(store: Store, tmp_path: Path) -> None:
    rows = store.query("SELECT problem_id, max(published_at) FROM raw.commits GROUP BY ALL ORDER BY 2 DESC").rows
    write_pages(store, tmp_path / "out", limit=2)
    listed = (tmp_path / "out" / "problems.html").read_text()
    assert {name for name, _ in rows if name in listed} == {name for name, _ in rows[:2]}


def test_an_export_of_a_run_has_the_problems_that_it_solved(store: Store, tmp_path: Path) -> None:
    [(run_id, problems)] = store.query(
        "SELECT run_id, list(DISTINCT problem_id ORDER BY problem_id) FROM samples JOIN runs USING (run_id)"
        " WHERE strategy = 'mcts' GROUP BY ALL"
    ).rows
    write_pages(store, tmp_path / "out", runs=[run_id])
    listed = (tmp_path / "out" / "problems.html").read_text()
    assert [
        name for (name,) in store.query("SELECT problem_id FROM problems ORDER BY 1").rows if name in listed
    ] == problems


def test_an_export_of_a_run_has_what_this_run_did_and_nothing_of_another(store: Store, tmp_path: Path) -> None:
    [(run_id, other)] = store.query(
        "SELECT run_id, problem_id FROM samples JOIN runs USING (run_id) WHERE strategy = 'mcts' ORDER BY 2 LIMIT 1"
    ).rows
    units = {row[0] for row in store.query(f"SELECT unit_id FROM raw.published WHERE run_id = '{run_id}'").rows}
    of_run = f"FROM samples WHERE run_id = '{run_id}'"
    write_pages(store, tmp_path / "out", runs=[run_id])
    for page in ("tree", "calls"):
        assert len(list((tmp_path / "out").glob(f"{page}-*.html"))) == len(units)
    shown = [file.read_text() for file in (tmp_path / "out").glob("problem-*.html")]
    sections = [unit for text in shown for unit in re.findall(r'class="unit" aria-label="\S+ (.*?)"', text)]
    assert sorted(sections) == sorted(units)
    assert len(list((tmp_path / "out").glob("run-*.html"))) == 1
    listed = (tmp_path / "out" / "problems.html").read_text()
    counts = store.query(f"SELECT count(*) {of_run} GROUP BY problem_id ORDER BY problem_id").rows
    assert re.findall(r"</td>\n<td class=\"num\">(\d+)</td>\n<td>", listed) == [str(n) for (n,) in counts]

    write_pages(store, tmp_path / "both", runs=[run_id], problems=[other])  # the problem is named, so all runs count
    [whole] = [file.read_text() for file in (tmp_path / "both").glob("problem-*.html") if other in file.read_text()]
    every = store.query(f"SELECT count(DISTINCT unit_id) FROM trajectories WHERE problem_id = '{other}'").rows[0][0]
    assert whole.count('class="unit"') == every > 1


def test_an_export_replaces_only_an_export_and_only_if_asked(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_pages(store, out, limit=1)
    with pytest.raises(ViewError, match="out exists: name another, or replace it with --overwrite"):
        write_pages(store, out, limit=1)
    (out / "old.html").write_text("old")
    write_pages(store, out, limit=1, overwrite=True)
    assert not (out / "old.html").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(ViewError, match="other has other files: name a new folder"):
        write_pages(store, other, limit=1, overwrite=True)
    with pytest.raises(ViewError, match=r"thesis\.tex is a file: name a folder"):
        write_pages(store, other / "thesis.tex", limit=1)
    assert (other / "thesis.tex").read_text() == "mine"


def test_what_is_not_there_is_told_and_nothing_is_left(store: Store, tmp_path: Path) -> None:
    for chosen, told in (({"problems": ["x"]}, "no problem 'x'"), ({"runs": ["y"]}, "no run 'y' with results")):
        with pytest.raises(NotThere, match=told):
            write_pages(store, tmp_path / "out", **chosen)  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir() if "out" in file.name] == []


def test_names_of_files_are_short_plain_and_different() -> None:
    names = [file_name(Address.of("problem", id=name)) for name in ("a/b", "a-b", "ä\n../x", "x" * 500, "X" * 500)]
    assert len({name.lower() for name in names}) == 5
    assert all(re.fullmatch(r"problem-[a-z0-9-]*[0-9a-f]{8}\.html", name) for name in names)
    assert max(map(len, names)) < 70
    assert file_name(Address("runs")) == "runs.html"


def test_the_command_says_what_it_wrote(redraft: Redraft, seen: Path) -> None:
    done = redraft("view", "--db", str(seen), "--export", "pages", "--limit", "1")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+ pages in pages: open pages/index.html\n", done.stdout)
