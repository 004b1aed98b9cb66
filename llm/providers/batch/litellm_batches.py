"""A provider's batches through LiteLLM: creates batches, asks for their state, and reads their answer files."""

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from redraft.llm.model import Cause, ModelError, Reply, Request
from redraft.llm.providers.via_litellm.errors import Failure
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.llm.usage import Usage

PROVIDERS = ("openai", "azure", "vertex_ai", "bedrock", "hosted_vllm", "litellm_proxy", "mistral", "xai")
TRANSLATED = ("vertex_ai", "bedrock")  # LiteLLM translates their batch files, including settings, from OpenAI's format
NAMED = ("bedrock", "mistral")  # LiteLLM needs the model's name to find their batches
ENDPOINT = "/v1/chat/completions"
MARK = "redraft"  # the metadata key that identifies redraft's batches
ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True)
class BatchState:
    """The state of a batch: `status` in OpenAI's terms, `done` of `total` calls, and why the batch failed."""

    status: str
    done: int = 0
    total: int = 0
    problem: str = ""
    code: str = ""
    files: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Returns whether the batch has ended and its state is final. Some providers report that a batch is complete
        shortly before they name the answer file."""
        return self.status in ENDED and not (self.status == "completed" and self.done and not self.files)

    def unanswered(self, batch: str) -> ModelError:
        """Returns the error for a call that an ended batch did not answer."""
        why = f" ({self.problem})" if self.problem else ""
        if self.status == "expired":
            return ModelError(f"Batch {batch} expired before this call was answered{why}.", cause=Cause.FAULT)
        if self.status == "completed" or self.code == "gone":
            return ModelError(f"Batch {batch} holds no answer to this call.", cause=Cause.FAULT)
        if self.code == "token_limit_exceeded":
            return ModelError(f"The provider has too many calls in batches{why}.", cause=Cause.BUSY, wait_s=60.0)
        return ModelError(f"Batch {batch} was {self.status}{why}.", cure="Give the command again to ask anew.")


class ProviderBatches:
    """The batches of one model's provider. Methods raise ModelError. The constructor raises a fatal ModelError if
    LiteLLM does not support batches of the provider."""

    def __init__(self, model: LiteLLMModel) -> None:
        if model.provider not in PROVIDERS:
            raise ModelError(
                f"LiteLLM sends no batches to {model.provider}.",
                cure=f"Leave --batch out, or take a model of {', '.join(PROVIDERS)}.",
                fatal=True,
            )
        self._model = model
        self._litellm = model.litellm
        self._bare = model.litellm.get_llm_provider(model.full)[0]
        named = {"model": model.full} if model.provider in NAMED else {}
        self._access = {"custom_llm_provider": model.provider, "max_retries": 0} | named | model.access

    def line(self, key: str, request: Request, parameters: Mapping[str, Any]) -> bytes:
        """Returns a call encoded as a line of a batch file. Raises UnsupportedRequest if the model cannot continue the
        prefix."""
        body = {"model": self._bare, "messages": self._model.messages(request), **self._settings(parameters)}
        return json.dumps({"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body}).encode()

    async def send(self, lines: Sequence[bytes], mark: str) -> str:
        """Creates a batch of these lines and returns the provider's id of it."""
        content = b"\n".join(lines) + b"\n"
        file = await self._call_provider(
            self._litellm.acreate_file(file=(f"{mark}.jsonl", content), purpose="batch", **self._access)
        )
        batch = await self._call_provider(
            self._litellm.acreate_batch(
                completion_window="24h",
                endpoint=ENDPOINT,
                input_file_id=file.id,
                metadata={MARK: mark},
                **self._access,
            )
        )
        return batch.id

    async def find(self, mark: str) -> str | None:
        """Returns the id of the batch with this mark, or None if it is not among the provider's 100 latest batches."""
        if self._model.provider in NAMED:
            return None
        listed = await self._call_provider(self._litellm.alist_batches(limit=100, **self._access))
        return next((b.id for b in listed.data if (b.metadata or {}).get(MARK) == mark), None)

    async def state(self, batch: str) -> BatchState:
        """Returns the present state of a batch. A batch that no longer exists counts as failed."""
        try:
            found = await self._call_provider(self._litellm.aretrieve_batch(batch_id=batch, **self._access))
        except ModelError as error:
            if error.fatal and "has no model" in str(error):
                return BatchState("failed", problem="the provider has it no more", code="gone")
            raise
        errors = list(getattr(found.errors, "data", None) or ())
        counts = found.request_counts
        return BatchState(
            status=found.status,
            done=counts.completed if counts else 0,
            total=counts.total if counts else 0,
            problem=errors[0].message or "" if errors else "",
            code=errors[0].code or "" if errors else "",
            files=tuple(file for file in (found.output_file_id, found.error_file_id) if file),
        )

    async def fetch(self, state: BatchState) -> dict[str, dict[str, Any]]:
        """Returns the answers of a batch by the keys of its calls. Unreadable lines are skipped."""
        answers: dict[str, dict[str, Any]] = {}
        for file in state.files:
            content = await self._call_provider(self._litellm.afile_content(file_id=file, **self._access))
            for line in content.content.splitlines():
                try:
                    answer = json.loads(line)
                    answers[answer["custom_id"]] = answer
                except (ValueError, RecursionError, KeyError, TypeError):
                    continue
        return answers

    def read(self, answer: Mapping[str, Any], request: Request, parameters: Mapping[str, Any]) -> Reply:
        """Returns the reply in a line of an answer file. Its cost is None. Raises ModelError."""
        response = answer.get("response") or {}
        status, body = response.get("status_code", 0), response.get("body")
        if status != 200:
            raise self._line_error(status, answer, body, parameters)
        try:
            response = self._litellm.utils.convert_to_model_response_object(
                response_object=body, model_response_object=self._litellm.ModelResponse()
            )
        except Exception as error:  # noqa: BLE001 - LiteLLM raises a bare Exception for what it can't read
            raise ModelError(
                f"The batch holds an answer that can't be read ({Failure(error).message}).",
                cause=Cause.FAULT,
                usage=None,
            ) from None
        return replace(self._model.reply(response, request, parameters), cost_usd=None)

    def _line_error(
        self, status: int, answer: Mapping[str, Any], body: Any, parameters: Mapping[str, Any]
    ) -> ModelError:
        error = answer.get("error") or (body.get("error") if isinstance(body, dict) else None) or body or {}
        words = str(error.get("message") or error) if isinstance(error, dict) else str(error)
        failure = Failure.answer(status, words)
        if self._model.adapt(failure, parameters):
            message = f"{self._model.name} does not take all of its settings ({failure.message})."
            return ModelError(message, cause=Cause.FAULT)
        explained = self._model.to_model_error(failure)
        return explained if status else ModelError(str(explained), cause=Cause.FAULT, usage=Usage())

    def _settings(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the parameters under the provider's own names."""
        if self._model.provider in TRANSLATED:
            return dict(parameters)
        arguments = {
            "model": self._bare,
            "custom_llm_provider": self._model.provider,
            "drop_params": True,
            **parameters,
        }
        more = arguments.pop("extra_body", {})
        settings = self._litellm.utils.get_optional_params(**arguments)
        settings.pop("stream", None)
        return settings | settings.pop("extra_body", {}) | more

    async def _call_provider(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except Exception as error:  # noqa: BLE001 - the boundary to LiteLLM and all its providers
            raise self._model.to_model_error(Failure(error, self._model.access.get("api_base", ""))) from None
