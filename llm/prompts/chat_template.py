"""Chat templates in Hugging Face's format: they turn messages into the prompt of a raw completion.

A template is Jinja text from a `tokenizer_config.json` or `chat_template.jinja`. It is rendered in a sandbox, as in
transformers (`render_jinja_template` in its `utils/chat_template_utils.py`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn

from redraft.llm.model import Message, ModelError


class ChatTemplate:
    """The text of a template, and the special tokens that it uses, by name (`bos_token`, `eos_token`, ...)."""

    def __init__(self, text: str, **tokens: str) -> None:
        self.text = text
        self.tokens: Mapping[str, str] = tokens

    def render(self, messages: Sequence[Message]) -> str:
        """Returns the prompt up to the beginning of the assistant's answer. Raises ModelError if the template fails."""
        from jinja2 import TemplateError

        listed = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._compiled.render(messages=listed, add_generation_prompt=True, tools=None, **self.tokens)
        except (TemplateError, TypeError, KeyError) as error:
            raise ModelError(f"The chat template fails ({error}).", cure="Correct it in the prompts file.") from None

    @cached_property
    def _compiled(self) -> Any:
        from jinja2 import TemplateSyntaxError
        from jinja2.ext import Extension
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class Generation(Extension):
            """The tag `generation`, which marks what a trainer learns from. A prompt has the text inside the tag."""

            tags = {"generation"}  # noqa: RUF012

            def parse(self, parser: Any) -> Any:
                next(parser.stream)
                return parser.parse_statements(("name:endgeneration",), drop_needle=True)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        try:
            return environment.from_string(self.text)
        except TemplateSyntaxError as error:
            raise ModelError(
                f"The chat template is not Jinja ({error.message}, line {error.lineno}).",
                cure="Correct it in the prompts file.",
                fatal=True,
            ) from None


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)
