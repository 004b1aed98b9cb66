"""Data sets of the Hugging Face Hub, read through `datasets` from a Hub on loopback, and later from its cache alone."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from redraft.store.errors import SourceError
from redraft.store.sources.hub import HubSource, hub_source
from redraft.store.sources.reader import read

CARD = """---
configs:
- config_name: main
  data_files:
  - split: test
    path: main/test.jsonl
---
"""
ROWS = [
    {"question": "Which day follows Sunday?", "choices": ["Monday", "Friday"], "answer": 0, "table": {"a": 1}},
    {"question": "What is 6 x 3?", "choices": [], "answer": "018", "table": [["x", "y"], [1, 2]]},
]
FILES = {"README.md": CARD.encode(), "main/test.jsonl": "".join(f"{json.dumps(row)}\n" for row in ROWS).encode()}
READ = """
import json, sys
from redraft.store.errors import SourceError
from redraft.store.sources.reader import read
def found(source):
    try:
        return [[one.source, one.split, one.question, one.answer] for one in read(source)]
    except SourceError as error:
        return str(error)
print(json.dumps({source: found(source) for source in sys.argv[1:]}))
"""
FOUND = [
    ["maths/sums:main", "test", "Which day follows Sunday?\nA) Monday\nB) Friday", "A"],
    ["maths/sums:main", "test", "x | y\n1 | 2\n\nWhat is 6 x 3?", "018"],
]
MAIN, FIRST = "hf:maths/sums:main:test", "hf:maths/sums:main:test[:1]"
MISSING = {
    "hf:maths/sums:main:train": "Unknown split",
    "hf:maths/sums:other:test": "'other'",
    "hf:maths/none:test": "doesn't exist on the Hub",
}
CURE = "the name, the configuration and the split; without a network only what was loaded before is there"


def test_a_data_set_of_the_hub_is_read_and_later_from_the_cache_alone(tmp_path: Path) -> None:
    """A process of its own reads the sources each time, since `datasets` reads its settings when it is imported."""
    with hub("maths/sums", FILES) as address:
        online = problems(tmp_path, address, MAIN, *MISSING)
        assert online.pop(MAIN) == FOUND
        for source, says in MISSING.items():
            assert online[source].startswith(f"{source}: ")
            assert says in online[source]
            assert online[source].partition(": check ")[2] == CURE
            assert "\n" not in online[source]
    offline = problems(tmp_path, address, MAIN, FIRST, HF_HUB_OFFLINE="1")
    assert offline == {MAIN: FOUND, FIRST: FOUND[:1]}


def problems(home: Path, address: str, *sources: str, **environment: str) -> dict[str, Any]:
    """The problems of each source, or the line of its error, read with this cache from this Hub."""
    given = {**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": address, **environment}
    command = [sys.executable, "-c", READ, *sources]
    return json.loads(
        subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=True).stdout
    )


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        SourceError, match=r"^hf:a/b:test: data sets of the Hub need the package datasets .*redraft\[hub\]"
    ):
        list(read("hf:a/b:test"))


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("hf:openai/gsm8k:main:test", HubSource("openai/gsm8k", "main", "test")),
        ("hf:HuggingFaceH4/MATH-500:test", HubSource("HuggingFaceH4/MATH-500", None, "test")),
        ("hf:a/b:train[:100]", HubSource("a/b", None, "train[:100]")),
        ("hf:a/b:c:train[10%:20%]", HubSource("a/b", "c", "train[10%:20%]")),
    ],
)
def test_a_source_names_a_data_set_a_configuration_and_a_split(source: str, parts: HubSource) -> None:
    assert hub_source(source) == parts


@pytest.mark.parametrize("source", ["hf:", "hf:a/b", "hf:a/b:c:d:e", "hf:a/b:"])
def test_another_form_is_answered_with_the_right_one(source: str) -> None:
    with pytest.raises(SourceError, match="write it as hf:owner/name:split or hf:owner/name:config:split"):
        hub_source(source)


COMMIT = "a" * 40


@contextmanager
def hub(name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Serves the files of the data set `name`, and yields the address of the Hub."""

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith(f"/datasets/{name}/resolve/"):
                self._file(path.split("/", 6)[-1])
            elif path.startswith(f"/api/datasets/{name}/tree/"):
                self._answer(200, json.dumps([_entry(file) for file in files if "/" in file]).encode())
            elif path.startswith(f"/api/datasets/{name}"):
                listed = [{"rfilename": file} for file in files]
                self._answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": listed}).encode())
            else:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        do_HEAD = do_GET

        def _file(self, file: str) -> None:
            if file in files:
                self._answer(200, files[file], {"ETag": f'"{_entry(file)["oid"]}"', "X-Repo-Commit": COMMIT})
            else:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

        def _answer(self, code: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    def _entry(file: str) -> dict[str, object]:
        return {"type": "file", "path": file, "size": len(files[file]), "oid": hashlib.sha1(files[file]).hexdigest()}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
