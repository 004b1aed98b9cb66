"""Converts a sample to the form of a JSON schema."""

from typing import Any

import orjson

from openai_protocol.model.texts import SEPARATOR, Sample, spoken


def shaped(sample: Sample, schema: dict[str, Any], number: int) -> Sample:
    """Returns the sample as JSON of this schema. A text that is already JSON is not changed.

    Strings contain one step of the solution. In every third sample they contain the last line; only there booleans are
    true.
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
