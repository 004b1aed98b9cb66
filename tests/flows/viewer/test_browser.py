"""The pages in a real browser: every page opens, by mouse and by keys, for screen readers, dark and light."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from redraft.flows.viewer.export import write_pages
from redraft.flows.viewer.text.formulas import FORMULA
from redraft.store import Problem, Store, Unit, replace
from redraft.store.trajectory import Grade, Trajectory, Verdict

Serve = Callable[..., AbstractContextManager[str]]
WAIT_MS = 30_000
BENCH = str(Path(__file__).parents[3] / "bench" / "scale" / "view.py")


class Window:
    """A page of the browser, which the test fails if the page reports an error or asks another server."""

    def __init__(self, context: BrowserContext, address: str = "") -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on(
            "console", lambda said: self.troubles.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("dialog", self._dialog)
        self.root = address.partition("/?")[0]
        self.page.on("request", lambda asked: self._foreign(asked.url))
        if address:
            self.page.goto(address)

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(dialog.message)
        dialog.dismiss()

    def _foreign(self, url: str) -> None:
        if not url.startswith((f"{self.root}/", "file:", "data:")):
            self.troubles.append(f"asked {url}")

    def until(self, condition: str) -> None:
        """Waits until a condition in JavaScript holds. The page's policy forbids Playwright's own way, an eval."""
        end = time.monotonic() + WAIT_MS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never: {condition}"
            self.page.wait_for_timeout(50)

    def open(self, place: str) -> Page:
        self.page.goto(self.root + place)
        return self.page


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Window]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = Window(context, address)
    yield found
    context.close()
    assert found.troubles == []


def places(db: Path) -> dict[str, str]:
    """An address of each page, with something to see."""
    store = Store(db, create=False)

    def first(sql: str) -> str:
        return str(store.query(sql).rows[0][0])

    runs = [row[0] for row in store.query("SELECT run_id FROM runs WHERE stage = 'generate' ORDER BY started_at").rows]
    unit = first("SELECT unit_id FROM steps GROUP BY 1 ORDER BY count(visits) DESC, count(*) DESC, 1 LIMIT 1")
    problem = first(f"SELECT problem_id FROM trajectories WHERE unit_id = '{unit}' LIMIT 1")
    turned = first("SELECT trajectory_id FROM samples ORDER BY turns = 2 DESC, turns DESC, 1 LIMIT 1")
    return {
        "runs": "/",
        "run": f"/run?id={runs[0]}",
        "problems": "/problems?sort=rate",
        "problem": f"/problem?id={problem}",
        "trajectory": f"/trajectory?{urlencode({'id': turned})}",
        "tree": f"/tree?unit={unit}",
        "calls": f"/calls?unit={unit}",
        "compare": f"/compare?run={runs[0]}&run={runs[-1]}",
        "samples": "/charts",
        "turns": "/charts?of=turns",
        "calibration": "/charts?of=calibration",
        "labels": "/labels",
        "label": "/label",
        "trouble": "/problem?id=x",
    }


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)])
def test_every_page_opens_and_axe_finds_nothing_serious(
    browser: Browser, address: str, seen: Path, scheme: Any, width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    window, shots = Window(context, address), os.environ.get("REDRAFT_SHOTS")
    grounds = set()
    for name, place in places(seen).items():
        page = window.open(place)
        assert page.locator("main").inner_text().strip()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        grounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        found = Axe().run(page).response["violations"]
        serious = [
            (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        if shots:
            page.screenshot(path=f"{shots}/{name}-{scheme}-{width}.png")
    context.close()
    assert len(grounds) == 1
    assert [text for text in window.troubles if "404" not in text] == []  # the page of trouble has this status


MADE = {
    "the demonstration": ["-m", "redraft.flows.cli.main", "demo"],
    "100,000 trajectories": [BENCH, "--make", "--size", "100000", "--db", "demo/demo.duckdb"],
}


@pytest.mark.parametrize("made", MADE)
def test_every_page_opens_on_a_store_that_users_have(browser: Browser, serve: Serve, tmp_path: Path, made: str) -> None:
    (tmp_path / "demo").mkdir()
    subprocess.run([sys.executable, *MADE[made]], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    [db] = (tmp_path / "demo").glob("*.duckdb")
    with serve(db) as address:
        window = Window(browser.new_context(), address)
        for place in places(db).values():
            assert window.open(place).locator("main").inner_text().strip()
        window.open("/tree?unit=large" if "100" in made else places(db)["tree"]).wait_for_selector("canvas[data-ready]")
    assert [text for text in window.troubles if "404" not in text] == []


def test_pages_are_gone_through_by_keys(window: Window) -> None:
    page = window.open("/")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/problems")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator("tr.at").count() == 1
    wanted = page.locator("tr[data-row]").first.locator("code").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/problem?**")
    assert wanted in page.locator("main").inner_text()


def test_everything_can_be_reached_by_tab_and_the_focus_is_seen(window: Window) -> None:
    page = window.open("/problems")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "q"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_steps_are_coloured_by_the_grader_that_is_chosen(window: Window, seen: Path) -> None:
    page = window.open(places(seen)["trajectory"])
    steps = page.locator(".step")
    assert page.locator("[data-grader]").input_value() == "prm"
    before = [steps.nth(at).get_attribute("class") for at in range(steps.count())]
    assert all(name and name != "step s" for name in before)
    page.locator("[data-grader]").select_option("log-probability")
    assert "grader=log-probability" in page.url
    after = [steps.nth(at).get_attribute("class") for at in range(steps.count())]
    page.reload()  # the address leads to the same colours
    assert [steps.nth(at).get_attribute("class") for at in range(steps.count())] == after
    page.locator("[data-grader]").select_option("nothing")
    assert {steps.nth(at).get_attribute("class") for at in range(steps.count())} == {"step s"}


def test_a_tree_is_panned_zoomed_folded_and_played(window: Window, seen: Path) -> None:
    page = window.open(places(seen)["tree"])
    page.wait_for_selector("canvas[data-ready]")
    steps = int(page.locator("canvas").get_attribute("data-ready") or 0)
    assert steps == int(page.locator("#grown").get_attribute("max") or 0) > 5
    window.until("document.querySelector('canvas').dataset.drawn == " + str(steps + 1))  # and the question
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    first = page.locator("#step h2").first.inner_text()
    page.keyboard.press("ArrowDown")
    second = page.locator("#step h2").first.inner_text()
    assert first != second
    assert second.removeprefix("Step ") in page.locator("#step-live").text_content()  # type: ignore[operator]
    assert page.locator("#step tr.self").count() == 1
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    window.until(f"document.querySelector('canvas').dataset.drawn < {steps + 1}")
    page.keyboard.press(" ")
    page.keyboard.press("0")
    window.until("document.querySelector('canvas').dataset.drawn == " + str(steps + 1))
    before = page.locator("canvas").screenshot()
    box = page.locator("canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 240)
    page.mouse.up()
    page.wait_for_timeout(100)
    moved = page.locator("canvas").screenshot()
    page.mouse.wheel(0, -500)
    page.wait_for_timeout(100)
    assert len({before, moved, page.locator("canvas").screenshot()}) == 3
    page.locator("#play").click()
    window.until("document.querySelector('#play').ariaPressed === 'true'")
    window.until("document.querySelector('#play').ariaPressed === 'false'")
    assert page.locator("#count").inner_text() == f"{steps} of {steps} steps"


def test_a_step_of_a_tree_has_an_address(window: Window, seen: Path) -> None:
    page = window.open(places(seen)["tree"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    found, name = page.url, page.locator("#step h2").first.inner_text()
    page.goto(found)
    assert page.locator("#step h2").first.inner_text() == name


def test_drafts_are_labelled_by_mouse_and_by_keys(browser: Browser, own: Path, serve: Serve) -> None:
    store = Store(own)
    with serve(own) as address:
        window = Window(browser.new_context(), address)
        page = window.open("/label")
        page.locator(".step").first.click()
        assert page.locator("input[name=step]").input_value() == "1"
        page.locator("input[name=remark]").fill("by <mouse>")
        with page.expect_navigation():
            page.locator("[data-verdict=wrong]").click()
        page.keyboard.press("1")
        with page.expect_navigation():
            page.keyboard.press("w")
        with page.expect_navigation():
            page.keyboard.press("r")
        with page.expect_navigation():
            page.keyboard.press("s")
        page = window.open(places(own)["trajectory"])
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("r")
        window.until("[...document.querySelectorAll('output')].some((each) => each.textContent.startsWith('kept'))")
        text = window.open("/labels").locator("main").inner_text()
        assert "by <mouse>" in text
        assert window.troubles == []
    rows = store.query(
        "SELECT DISTINCT verdict, first_wrong_step, remark, key_shown, labelled_at FROM labels WHERE person = 'eve'"
        " ORDER BY labelled_at"  # drafts with the same text are labelled at the same moment
    ).rows
    assert [row[:4] for row in rows] == [
        ("wrong", 1, "by <mouse>", False),
        ("wrong", 1, None, False),
        ("right", None, None, False),
        ("skip", None, None, False),
        ("right", None, None, True),
    ]


def test_a_page_follows_a_run_while_it_writes(browser: Browser, own: Path, serve: Serve) -> None:
    store = Store(own)
    with serve(own) as address:
        window = Window(browser.new_context(), address)
        page = window.open("/")
        page.wait_for_timeout(2500)  # the page has looked once
        run_id = store.start_run("generate", "follow", "brandnew", "m", {"source": "x"})
        page.wait_for_selector("text=brandnew")
        assert page.locator(".state.running").count() == 1
        problem = Problem("What is 1 + 1?", "2", problem_id="p")
        trajectory = replace(Trajectory(problem.ask("u")).grow("2", 0, final=True), answer="2", chosen=True)
        now = datetime.now(UTC)
        grade = Grade("oracle", trajectory.trajectory_id, 1, 1.0, Verdict.RIGHT)
        store.add([problem])
        store.publish([Unit("u", run_id, "follow", "p", "", 1, 1, "done", (trajectory,), (grade,), (), now, now)])
        window.until("document.querySelector('tbody tr').innerText.includes('100.0%')")
        store.end_run(run_id, "finished")
        window.until("!document.querySelector('.state.running')")
        assert window.troubles == []


def test_texts_of_models_stay_texts(browser: Browser, serve: Serve, tmp_path: Path) -> None:
    """Fifty probes as question, answer, steps, feedback, reasons, remarks and names: none becomes markup."""
    spec = spec_from_file_location("probes", Path(__file__).with_name("probes.py"))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    probes: tuple[str, ...] = module.PROBES
    store = Store(tmp_path / "probes.duckdb")
    run_id = store.start_run(
        "generate", "r", "<b>strategy</b>", "<i>model</i>", {"feedback": "<u>f</u>", "x": "<s>y</s>"}
    )
    now = datetime.now(UTC)
    groups = [probes[at : at + 10] for at in range(0, 50, 10)]
    for at, group in enumerate(groups):
        text = "\n".join(group)
        problem = Problem(f"Question {text}", text, problem_id=f"p{at}", source=group[0])
        path = Trajectory(problem.ask(f"u{at}"))
        for probe in group:
            path = path.grow(f"Step {probe}\n", 0)
        path = (
            path.grow("end", 0, final=True).respond(f"Feedback {text}", group[1]).grow(f"Again {text}", 0, final=True)
        )
        path = replace(path, answer=text, chosen=True, reason=f"Reason {text}")
        grade = Grade(
            "judge", path.trajectory_id, 2, 0.3, Verdict.WRONG, reason=f"Because {text}", grader_model=group[2]
        )
        critic = Grade("critic", path.trajectory_id, 1, 0.3, Verdict.WRONG, reason=text, step_id=path.steps[0].step_id)
        store.add([problem])
        store.publish([Unit(f"u{at}", run_id, "r", f"p{at}", "", 1, 1, "done", (path,), (grade, critic), (), now, now)])
    with serve(store.path) as address:
        context = browser.new_context()
        context.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
        window = Window(context, address)
        shown: dict[str, str] = {}
        for place in ["/", "/problems", f"/run?id={run_id}", "/charts", "/labels", "/label"] + [
            f"/{page}{at}" for at in range(5) for page in ("problem?id=p", "tree?step=0.0&unit=u", "trajectory?id=u")
        ]:
            place += ":0" if place.startswith("/trajectory") else ""
            page = window.open(place)
            page.wait_for_timeout(50)
            assert page.evaluate("window.hits") == 0, place
            assert [page.locator(strange).count() for strange in STRANGE] == [0] * len(STRANGE), place
            shown[place] = page.locator("main").text_content() or ""
        context.close()
        assert window.troubles == []
    for at, group in enumerate(groups):
        for probe in group:
            if not FORMULA.search(probe):  # a formula is shown as one
                assert f"Step {probe}" in shown[f"/trajectory?id=u{at}:0"]
                assert (
                    shown[f"/trajectory?id=u{at}:0"].count(probe) >= 6
                )  # question, key, steps, feedback, redraft, reasons


STRANGE = (
    "script:not([src]):not([type='application/json'])", "iframe", "object", "embed", "img", "style", "main link",
    "video", "audio", "base", "meta[http-equiv]", "svg script", "math [href]",
    "[onerror], [onload], [onfocus], [ontoggle]",
    "[onmouseover]", "main [style]:not(canvas)", "a[href^='javascript'], a[href^='data']", "#probe",
)  # fmt: skip
"""What the probes would become."""


def test_an_export_opens_from_files(browser: Browser, seen: Path, tmp_path: Path) -> None:
    write_pages(Store(seen, create=False), tmp_path / "out", limit=2)
    window = Window(browser.new_context(offline=True))
    page = window.page
    for name in ("index", "problems", "charts"):
        page.goto((tmp_path / "out" / f"{name}.html").as_uri())
        assert page.locator("h1").count() == 1
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.brand')).fontWeight") == "700"
        )  # it has its style
    for tree in sorted((tmp_path / "out").glob("tree-*.html"))[:3]:
        page.goto(tree.as_uri())
        page.wait_for_selector("canvas[data-ready]")  # and its scripts
    page.goto((tmp_path / "out" / "problems.html").as_uri())
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/problem-*.html")
    assert window.troubles == []
