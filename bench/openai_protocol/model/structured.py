"""A sample in the form of a JSON schema."""

from typing import Any

import orjson

from openai_protocol.model.texts import SEPARATOR, Sample, spoken


def shaped(sample: Sample, schema: dict[str, Any], number: int) -> Sample:
    """The sample as JSON of this schema; a text that is JSON already stays.

    Strings hold one step of the solution, and its last line in each third sample, for which alone booleans are true.
    """
    text = sample.text
    if text.startswith("{"):
        return sample
    steps = text.split(SEPARATOR)
    last = number % 3 == 2 or len(steps) == 1
    step = steps[-1] if last else steps[number % (len(steps) - 1)]
    return spoken(orjson.dumps(_instance(schema, step, last)).decode())


def _instance(schema: dict[str, Any], step: str, last: bool) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {name: _instance(inner, step, last) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema.get("items", {}), step, last)]
    return {"string": step, "boolean": last, "integer": 1, "number": 0.5}.get(str(kind))
