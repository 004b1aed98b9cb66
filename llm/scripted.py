"""A model that answers from a script, for tests of agents, graders and flows."""

from collections.abc import Callable, Mapping

from redraft.llm.capabilities import EVERYTHING, Capabilities
from redraft.llm.model import Choice, Finish, Model, Reply, Request
from redraft.llm.usage import Usage

Script = Callable[[Request, int], str | Choice]


class Scripted(Model):
    """A Model for tests. `script` is called with the request and the index of the sample in it (0 to n-1), and returns
    the text or the whole Choice, or raises ModelError. `requests` has all requests, in order."""

    remote = False

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        templates: Mapping[str, str] | None = None,
        capabilities: Capabilities = EVERYTHING,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.templates: Mapping[str, str] = dict(templates or {})
        self.requests: list[Request] = []
        self._script = script

    async def complete(self, request: Request) -> Reply:
        """Returns the script's samples. Each word counts as one token."""
        self.requests.append(request)
        answers = [self._script(request, index) for index in range(request.n)]
        choices = tuple(_choice(answer) if isinstance(answer, str) else answer for answer in answers)
        prompt = sum(len(message.content.split()) for message in request.messages)
        return Reply(choices, Usage(prompt, sum(choice.tokens for choice in choices)))


def _choice(text: str) -> Choice:
    return Choice(text, Finish.END, tokens=len(text.split()))
