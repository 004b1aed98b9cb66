"""Filling a prompt's places, safely: what is filled in may hold braces of its own."""

import re


def fill(template: str, **parts: str) -> str:
    """The template with each `{name}` of `parts` replaced, in one pass; every other brace stays as it is."""
    places = "|".join(map(re.escape, parts))
    return re.sub(rf"\{{({places})\}}", lambda place: parts[place[1]], template)
