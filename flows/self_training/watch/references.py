"""The losses of a model on the worked solutions that the held-out problems come with."""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.providers.route import route
from redraft.store.problems import Problem
from redraft.store.tables.collapse import ReferenceLoss


async def reference_losses(problems: Sequence[Problem], settings: Mapping[str, Any]) -> list[ReferenceLoss]:
    """Returns the loss on each problem's `meta["solution"]`. Problems without a solution, and solutions that the model
    cannot read, are left out. The list is empty if the model returns no log-probabilities of texts that it did not
    write. `settings` are arguments of `generate`: `model`, `api_base`, `limits` and `prompts`. Raises ModelError if the
    model cannot be used."""
    references = [(one, one.meta["solution"]) for one in problems if isinstance(one.meta.get("solution"), str)]
    if not references:
        return []
    prompts, model = settings["prompts"], settings["model"]
    own = isinstance(model, str)
    if own:
        model = route(model, settings["api_base"], limits=settings["limits"], chat_template=prompts.chat)
    client, found = Client(model, prompts=prompts), list[ReferenceLoss]()
    try:
        for problem, solution in references:
            try:
                read = await model.answer_logprobs([*client.opening, client.ask(problem.ask())], solution)
            except ModelError as error:
                if error.fatal:
                    raise
                continue
            if read is None:
                return []
            found.append(ReferenceLoss(problem.problem_id, len(read), -sum(read) / len(read)))
        return found
    finally:
        if own:
            await model.close()
