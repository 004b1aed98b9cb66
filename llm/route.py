"""From a model's name to the route that reaches it."""

from redraft.llm.model import Model, ModelError


def route(name: str, api_base: str | None = None) -> Model:
    """The embedded model, or any other through LiteLLM; `api_base` is the address of an OpenAI-compatible server.

    Raises a fatal ModelError for a name that no route knows.
    """
    if name == "embedded" and api_base:
        raise ModelError(
            f"The embedded model is not served at {api_base}.",
            cure="Name the server's model with --model, or leave --api-base out.",
            fatal=True,
        )
    if name == "embedded":
        from redraft.llm.embedded.model import embedded

        return embedded()
    from redraft.llm.litellm_route import litellm_model

    return litellm_model(name, api_base)
