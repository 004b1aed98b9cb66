"""Questions out of nothing, from the embedded model's weights behind llama.cpp's server. These weights were trained on
answers alone, so that they write noise in a user's place: every draw is kept, and refused with a reason."""

from pathlib import Path

import pytest

from real_servers import llama_cpp, running
from redraft.flows.augment import augment
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.export import export_folder, export_gguf
from redraft.store import Problem, Store

pytestmark = pytest.mark.servers


async def test_a_real_server_goes_on_from_the_bare_beginning_of_a_users_message(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    export_folder(folder)
    export_gguf(folder / "model.gguf")
    store = Store(tmp_path / "redraft.duckdb")
    seeds = [Problem(f"Seed {number}?", str(number)) for number in range(3)]
    with running(llama_cpp, folder) as server:
        await augment(
            seeds, db=store, model=server.model, api_base=server.url, methods=["question_writer"], samples=2,
            max_tokens=60, arguments={"question_writer.questions": 4, "question_writer.judged": False},
            prompts=Prompts.read(folder / "prompts.toml"),
        )  # fmt: skip
    made = store.query("SELECT question, accepted, refused, parent_id FROM rewrites").rows
    assert len(made) == 12
    assert len({question for question, *_ in made}) == 12
    assert all(accepted or refused for _, accepted, refused, _ in made)
    sent = "SELECT DISTINCT purpose, model FROM calls WHERE purpose = 'rewrite'"
    assert store.query(sent).rows == [("rewrite", server.model)]
