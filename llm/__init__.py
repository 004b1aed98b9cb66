"""Calls to language models: the routes to them, the client with its limits and budgets, and the prompts."""

from typing import TYPE_CHECKING

from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from redraft.llm.capabilities import Capabilities, Continuing
    from redraft.llm.client.client import Client
    from redraft.llm.limits import Budget, Limits
    from redraft.llm.model import (
        Beam,
        BudgetExceeded,
        Cause,
        Choice,
        Finish,
        Message,
        Model,
        ModelError,
        Reply,
        Request,
        Sampling,
        UnsupportedRequest,
    )
    from redraft.llm.prompts.chat_template import ChatTemplate
    from redraft.llm.prompts.prompts import Example, PromptError, Prompts
    from redraft.llm.providers.embedded.model import embedded
    from redraft.llm.providers.route import route
    from redraft.llm.providers.via_litellm.embedded import register as register_embedded
    from redraft.llm.scripted import Scripted
    from redraft.llm.truncation import Truncation
    from redraft.llm.usage import Prices, Usage

__all__ = [
    "Beam",
    "Budget",
    "BudgetExceeded",
    "Capabilities",
    "Cause",
    "ChatTemplate",
    "Choice",
    "Client",
    "Continuing",
    "Example",
    "Finish",
    "Limits",
    "Message",
    "Model",
    "ModelError",
    "Prices",
    "PromptError",
    "Prompts",
    "Reply",
    "Request",
    "Sampling",
    "Scripted",
    "Truncation",
    "UnsupportedRequest",
    "Usage",
    "embedded",
    "register_embedded",
    "route",
]

import_lazily(__name__)
