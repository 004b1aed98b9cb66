"""Who may ask the server, and how labels reach the store."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from redraft.flows.viewer.address import Address
from redraft.flows.viewer.app import ServerLinks
from redraft.flows.viewer.site import Site
from redraft.flows.viewer.store_reader import Reader
from redraft.store import Store
from redraft.store.errors import QueryError

Serve = Callable[..., AbstractContextManager[str]]


class Visitor:
    """Asks a server with exactly the headers that are given."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.port
        self.port, self.token = parts.port, parts.query.removeprefix("token=")
        self.cookie = {"Cookie": f"redraft_{self.port}={self.token}"}

    def ask(
        self, path: str, method: str = "GET", body: Any = None, host: str | None = None, **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        given = {"Host": host or f"127.0.0.1:{self.port}", **named}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, body=data, headers=given)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def page(self, path: str, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
        return self.ask(path, **self.cookie, **headers)

    def label(self, given: Any, **headers: str) -> tuple[int, str]:
        status, text, _ = self.ask("/label", "POST", given, **self.cookie, **headers)
        return status, text


@pytest.fixture(scope="module")
def visitor(seen: Path, serve: Serve) -> Iterator[Visitor]:
    with serve(seen) as address:
        yield Visitor(address)


def test_the_token_opens_the_page_and_leaves_the_address(visitor: Visitor) -> None:
    status, _, headers = visitor.ask(f"/problems?sort=rate&token={visitor.token}")
    assert (status, headers["Location"]) == (303, "/problems?sort=rate")
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(f"redraft_{visitor.port}={visitor.token};")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert visitor.page("/problems")[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/problem?id=x", "/static/view.js", "/changes", "/runs?token=wrong", "/nosuch"]
)
def test_without_the_token_nothing_is_shown(visitor: Visitor, path: str) -> None:
    for headers in ({}, {"Cookie": f"redraft_{visitor.port}=wrong"}, {"Cookie": f"redraft_1={visitor.token}"}):
        status, text, _ = visitor.ask(path, **headers)
        assert (status, text.split(":")[0]) == (403, "open the address that `redraft view` printed")
    status, text, _ = visitor.ask("/label", "POST", {})
    assert status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost"])
def test_a_name_that_another_site_points_at_this_machine_is_refused(visitor: Visitor, host: str) -> None:
    status, text, _ = visitor.ask("/runs", host=host, **visitor.cookie)
    assert (status, text) == (403, "this is a page of 127.0.0.1 alone")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"},
    ],
)
def test_a_page_of_another_origin_cannot_ask(visitor: Visitor, headers: dict[str, str]) -> None:
    for path in ("/runs", "/changes", "/static/view.js"):
        status, text, _ = visitor.page(path, **headers)
        assert (status, text) == (403, "a page of another origin may not ask this server")
    assert visitor.label({}, **headers)[0] == 403


def test_a_link_from_elsewhere_may_be_followed(visitor: Visitor) -> None:
    assert visitor.page("/runs", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    given = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert visitor.label({}, **given)[0] == 403
    own = {"Origin": f"http://127.0.0.1:{visitor.port}", "Sec_Fetch_Site": "same-origin"}
    assert visitor.page("/changes", **own)[0] == 200


def test_every_answer_forbids_scripts_of_others_and_frames(visitor: Visitor) -> None:
    for status, path in ((200, "/runs"), (200, "/static/view.css"), (404, "/nosuch"), (404, "/static/none.js")):
        found, _, headers = visitor.page(path)
        assert found == status
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/static/..%2fapp.py", "/static/../app.py", "/static/VIEW.JS", "/static/", "/static/view.js%00", "/static/x.css"],
)
def test_only_the_pages_own_files_are_served(visitor: Visitor, path: str) -> None:
    status, text, _ = visitor.page(path)
    assert status == 404
    assert "import" not in text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/nosuch", "no page &#39;nosuch&#39;; there are calls"),
        ("/problem?id=x", "no problem &#39;x&#39; in "),
        ("/problem?id=%3Cscript%3E", "no problem &#39;&lt;script&gt;&#39; in "),
        ("/problem?id=x&start=y", "no problem &#39;x&#39;"),
        ("/problems?sort=y", "no sort &#39;y&#39;; there are id"),
        ("/charts?of=y", "no charts of &#39;y&#39;"),
        ("/label?run=x", "no run &#39;x&#39; in "),
        ("/problems?run=x", "no run &#39;x&#39; in "),
        ("/problems?oracle=maybe", "no oracle &#39;maybe&#39;; there are yes, no"),
        ("/problems?sort=rate&after=-5", "no problem &#39;-5&#39; in "),
        ("/problems?sort=rate&after=abc", "no problem &#39;abc&#39; in "),
    ],
)
def test_a_mistake_in_an_address_is_a_page_of_one_sentence(visitor: Visitor, path: str, told: str) -> None:
    status, text, _ = visitor.page(path)
    assert status == 404
    assert told in text
    assert "Traceback" not in text


def draft(store: Store) -> dict[str, Any]:
    """What the page of a draft sends with a label."""
    [row] = store.query(
        "SELECT t.trajectory_id, t.turn, s.prefix_key FROM turns t JOIN steps s ON s.step_id = t.leaf_step_id"
        " SEMI JOIN samples USING (trajectory_id) WHERE len(string_split(t.text, chr(10))) > 2 ORDER BY 1 LIMIT 1"
    ).rows
    return dict(zip(("trajectory_id", "turn", "draft_key"), row, strict=True))


def test_labels_are_kept_as_redraft_label_keeps_them(own: Path, serve: Serve) -> None:
    store = Store(own)
    place = draft(store)
    with serve(own) as address:
        visitor = Visitor(address)
        given = {"verdict": "wrong", "first_wrong_step": 2, "remark": " <b>Carry</b> it. ", "key_shown": True}
        assert visitor.label(place | given) == (200, '{"person":"eve","verdict":"wrong"}')
        assert visitor.label(place | {"verdict": "right"})[0] == 200
        assert visitor.label(place | {"verdict": "skip"})[0] == 200
    rows = store.query(
        "SELECT verdict, first_wrong_step, remark, key_shown, current FROM labels WHERE person = 'eve'"
        f" AND trajectory_id = '{place['trajectory_id']}'"
    ).rows
    assert sorted(rows) == [
        ("right", None, None, False, False),
        ("skip", None, None, False, True),
        ("wrong", 2, "<b>Carry</b> it.", True, False),
    ]


def test_a_label_holds_for_every_draft_with_the_text_and_the_next_page_asks_of_another(own: Path, serve: Serve) -> None:
    store = Store(own)
    answered = """SELECT s.prefix_key, list(DISTINCT t.leaf_step_id) AS drafts, any_value(t.trajectory_id) AS id,
        any_value(t.turn) AS turn FROM turns t JOIN steps s ON s.step_id = t.leaf_step_id JOIN trajectories j
        USING (trajectory_id)
        WHERE t.answer IS NOT NULL AND j.role <> 'rollout' GROUP BY 1 ORDER BY len(drafts) DESC, 1"""
    texts = store.query(answered).rows
    key, drafts, name, turn = texts[0]
    assert len(drafts) > 1
    with serve(own) as address:
        visitor = Visitor(address)
        asked: list[str] = []
        for left in (len(texts), len(texts) - 1):
            page = visitor.page("/label")[1]
            assert f"{left:,} drafts without your label" in page
            asked += re.findall('data-key="(.+?)"', page)
            place = {"trajectory_id": name, "turn": turn, "draft_key": key, "verdict": "right"}
            assert visitor.label(place)[0] == 200
        assert visitor.label(place | {"verdict": "wrong"})[0] == 200  # the person thinks better of it
    assert set(asked) <= {row[0] for row in texts}
    assert asked[-1] != key
    labelled = "SELECT leaf_step_id, verdict FROM labels JOIN turns USING (trajectory_id, turn)"
    rows = store.query(f"{labelled} WHERE person = 'eve' AND current ORDER BY 1").rows
    assert rows == [(draft, "wrong") for draft in sorted(drafts)]


def test_a_label_that_does_not_fit_is_refused_in_a_sentence(visitor: Visitor, seen: Path) -> None:
    place = draft(Store(seen))
    wrong = [
        (place | {"verdict": "perhaps"}, 400, "verdict 'perhaps' is none of right, wrong, skip"),
        (place | {"verdict": "wrong", "first_wrong_step": 99}, 400, "first_wrong_step=99 is no step of this draft"),
        (place | {"verdict": "right", "first_wrong_step": 1}, 400, "first_wrong_step=1 of a draft that is right"),
        (place | {"verdict": "right", "remark": 7}, 400, "remark 7 is no text"),
        *[
            ({k: v for k, v in (place | {"verdict": "right"}).items() if k != name}, 400, f"field '{name}' is missing")
            for name in (*place, "verdict")
        ],
        ([1], 400, "the label does not fit: it is no JSON object with trajectory_id, turn, draft_key"),
        (None, 400, "the label is no JSON"),
        (b"[" * 15_000, 400, "the label is no JSON"),
        (place | {"verdict": "wrong", "step": 1}, 400, "no field 'step'; there are trajectory_id"),
        (place | {"verdict": "right", "turn": 1.5}, 400, "turn=1.5 is not a whole number"),
        (place | {"verdict": 1}, 400, "verdict=1 is not a text"),
        (place | {"verdict": "right", "key_shown": "no"}, 400, "key_shown='no' is not true or false"),
        (place | {"verdict": "right", "draft_key": "old"}, 409, "a run has replaced this draft: load the page again"),
        (place | {"verdict": "right", "trajectory_id": "x' OR true --"}, 409, "a run has replaced this draft"),
        (b"{", 400, "the label is no JSON"),
        (place | {"verdict": "right", "remark": "x" * 30_000}, 413, "a label has at most 20,000 bytes"),
    ]
    for given, status, told in wrong:
        found, text = visitor.label(given)
        assert found == status, text
        assert told in text
    assert Store(seen).query("SELECT count(*) FROM labels WHERE person = 'eve'").rows == [(0,)]


def test_a_label_may_come_without_its_length(own: Path, serve: Serve) -> None:
    given = json.dumps(draft(Store(own)) | {"verdict": "right"}).encode()
    with serve(own) as address:
        visitor = Visitor(address)
        for parts, status in ([(given[:9], given[9:]), 200], [(), 400], [(b"x" * 9_000,) * 3, 413]):
            connection = http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=60)
            connection.request("POST", "/label", body=iter(parts), headers=visitor.cookie, encode_chunked=True)
            assert connection.getresponse().status == status


def test_a_page_that_needs_more_memory_than_others_opens_all_the_same(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redraft.flows.viewer.site.MEMORY", 2**20)
    with reader.store.held(read_only=True, memory=2**20), pytest.raises(QueryError, match="Out of Memory"):
        reader.rows("FROM corrections")
    site = Site(reader, ServerLinks())
    assert site.read(Address.of("charts", of="turns"))["charts"]
