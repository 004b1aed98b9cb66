"""Keeps the calls of a journal in memory, by unit: the answers that a run can reuse, and the calls that are not yet in
the store."""

from collections.abc import Mapping
from typing import Any

from redraft.store.calls import Call, Choices, Prompt, call_key
from redraft.store.journal_files import call_line

Request = tuple[str, str, int, str]  # purpose, place, sample, prompt_hash


class JournalCalls:
    """The answers, the known calls and the pending calls of each unit, with their prompts. A call is pending if it is
    not yet in the store."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[Request, Mapping[str, Any]]] = {}
        self._known: dict[str, dict[str, Call]] = {}  # each unit's calls by call_id, including stored calls
        self._pending: dict[str, list[tuple[Call, Choices]]] = {}
        self._prompts: dict[str, dict[str, Prompt]] = {}  # the prompts of each unit's pending calls, by their hashes
        self.sizes: dict[str, int] = {}  # size in bytes of each unit's pending lines

    def __contains__(self, unit: str) -> bool:
        return unit in self._answers or unit in self._pending

    def add(self, call: Call, choices: Choices, size: int, prompt: Prompt | None) -> None:
        """Adds a pending call. Its line in the file has `size` bytes."""
        self._index(call, choices)
        if prompt is not None:
            self._prompts.setdefault(call.unit, {})[call.prompt_hash] = prompt
        self._pending.setdefault(call.unit, []).append((call, choices))
        self.sizes[call.unit] = self.sizes.get(call.unit, 0) + size

    def add_stored(self, call: Call, choices: Choices) -> None:
        """Adds a call that is in the store. The call is then no longer pending."""
        self._index(call, choices)
        pending = self._pending.get(call.unit, [])
        pending[:] = [pair for pair in pending if call_key(pair[0]) != call_key(call)]

    def remove(self, unit: str) -> bool:
        """Removes a unit, and returns whether it had pending lines."""
        for calls in (self._answers, self._known, self._prompts, self._pending):
            calls.pop(unit, None)
        return self.sizes.pop(unit, 0) > 0

    def answer(self, unit: str, request: Request) -> Mapping[str, Any] | None:
        """Returns the choice that answered this request, or None."""
        return self._answers.get(unit, {}).get(request)

    def has_prompt(self, call: Call) -> bool:
        """Returns whether a pending call of the same unit has the same prompt."""
        return call.prompt_hash in self._prompts.get(call.unit, ())

    def known(self, unit: str) -> list[Call]:
        """Returns every known call of a unit, including failed calls and stored calls."""
        return list(self._known.get(unit, {}).values())

    def pending(self, unit: str) -> list[tuple[Call, Choices]]:
        """Returns a unit's pending calls, in the order in which they were answered."""
        return list(self._pending.get(unit, ()))

    def prompts(self, unit: str) -> dict[str, Prompt]:
        """Returns the prompts of a unit's pending calls, by prompt hash."""
        return dict(self._prompts.get(unit, {}))

    def pending_units(self) -> list[str]:
        """Returns the units that have pending calls."""
        return [unit for unit, calls in self._pending.items() if calls]

    def pending_size(self) -> int:
        """Returns the total size in bytes of the lines of units that have pending calls."""
        return sum(self.sizes.get(unit, 0) for unit in self.pending_units())

    def lines(self) -> dict[str, bytes]:
        """Returns the pending calls of each unit, encoded as lines of a journal."""
        return {unit: self._lines(unit) for unit in self._pending}

    def _lines(self, unit: str) -> bytes:
        prompts = self.prompts(unit)
        return b"".join(
            call_line(call, choices, prompts.pop(call.prompt_hash, None)) for call, choices in self._pending[unit]
        )

    def _index(self, call: Call, choices: Choices) -> None:
        self._known.setdefault(call.unit, {})[call.call_id] = call
        answers = self._answers.setdefault(call.unit, {})
        for sample, choice in enumerate(choices, start=call.first):
            answers[call.purpose, call.place, sample, call.prompt_hash] = choice
