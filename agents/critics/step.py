"""The model as a critic of each step, as the self-critic of ReST-MCTS*: the draft is finished, is hopeless, or goes on
with advice for the next step."""

import re

from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.policies.messages import follow_up
from redraft.llm.client.client import Client
from redraft.llm.model import Finish, ModelError
from redraft.store.trajectory import Trajectory


def step(client: Client) -> Critic:
    """Asks the model, at temperature 0, whether the draft so far is finished, is hopeless, or goes on with advice.

    Raises ModelError if the call fails, if the reply is cut off, or if no line of it begins with one of the three
    words.
    """

    async def critique(trajectory: Trajectory) -> Critique:
        messages = follow_up(client, trajectory, "step_critique")
        [choice] = await client.complete(trajectory.question, "critique", trajectory.place, messages, temperature=0)
        found = None if choice.finish is Finish.LENGTH else parse_critique(choice.text)
        if found is None:
            raise ModelError(f"{client.model.name} was asked whether a step is finished, and its reply does not say.")
        return found

    return critique


def parse_critique(reply: str) -> Critique | None:
    """Returns the opinion in a reply: the last line that begins with one of the three words, and the advice after the
    word. Returns None if no line begins with such a word. The advice extends to the end of the reply."""
    found = list(LINE.finditer(reply))
    if not found:
        return None
    word, said = found[-1]["word"].lower(), found[-1]["said"].strip(" \t*_:.-\u2013\u2014")
    if word == "advice":
        said = " ".join(reply[found[-1].start("said") :].strip(" \t\r\n*_:-\u2013\u2014").split())
        return Critique(Opinion.GO_ON, advice=said)
    return Critique(OPINIONS[word], reason=said or f"The model calls it {word}.")


OPINIONS = {"finished": Opinion.FINISHED, "hopeless": Opinion.HOPELESS, "go on": Opinion.GO_ON}
MARKS = r"[ \t>#*_`-]*"
LINE = re.compile(
    rf"^{MARKS}(?P<word>finished|hopeless|go on|advice)\b(?P<said>{MARKS}[:.\u2013\u2014-].*|{MARKS})$",
    re.IGNORECASE | re.MULTILINE,
)
"""A pattern for an opinion: a word at the beginning of a line, alone or before a punctuation mark. "Finished the sum"
does not match."""
