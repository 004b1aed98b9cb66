"""Who writes: strategies that solve a question with a language model, each a file and a function of one name."""

from typing import Any

from redraft.agents.build import Spec, build, load
from redraft.agents.solve import Trajectories, add_oracle_grades
from redraft.llm.client.client import Client
from redraft.llm.model import Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.llm.truncation import Truncation
from redraft.store.records import Keyring, Kind, Problem

__all__ = ["build", "load", "solve"]


async def solve(
    question: str,
    strategy: Spec = "correct",
    model: str = "embedded",
    *,
    answer: str | None = None,
    kind: Kind = Kind.MATH,
    api_base: str | None = None,
    temperature: float = 1.0,
    max_tokens: int = 1024,
    top_p: float | None = None,
    top_k: int | None = None,
    min_p: float | None = None,
    seed: int = 0,
    prompts: Prompts = Prompts(),  # noqa: B008 - frozen
    **arguments: Any,
) -> Trajectories:
    """Solve one question: everything explored, best first, the pick `chosen`. Nothing is stored.

    `answer` is the known one, for parts that read it; afterwards each draft is compared with it, and has the grade of
    `oracle`. `arguments` are those of `build`: samples, grader, critic, watch, and the strategy's own. Raises
    PartError, and ModelError if the model can't be used at all.
    """
    problem = Problem(question, answer, kind=kind)
    keys = Keyring({problem.problem_id: answer}) if answer is not None else None
    sampling = Sampling(temperature, max_tokens, seed, Truncation(top_p, top_k, min_p))
    client = Client(route(model, api_base, chat_template=prompts.chat), sampling=sampling, prompts=prompts)
    try:
        agent = build(strategy, client, keys=keys, **arguments)
        explored = await agent(problem.ask())
        return Trajectories(explored if answer is None else await add_oracle_grades(explored, problem))
    finally:
        await client.close()
