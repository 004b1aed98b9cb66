"""From a model's name to the route that reaches it."""

from redraft.llm.model import Model


def route(name: str, api_base: str | None = None) -> Model:
    """The embedded model, or any other through LiteLLM; `api_base` is the address of an OpenAI-compatible server.

    Raises ModelError for a name that no route knows.
    """
    if name == "embedded":
        from redraft.llm.embedded.model import embedded

        return embedded()
    from redraft.llm.litellm_route import litellm_model

    return litellm_model(name, api_base)
