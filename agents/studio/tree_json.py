"""Converts the explored tree of a question to JSON data and back. A checkpoint contains this data, so another process
can continue the thread.

A node of a search is stored as its parent's index and its own steps, so the size of the data is proportional to the
text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec import NODEFAULT, structs

from redraft.agents.sampling.graph import Tree
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop

Explored = Tree | Search
"""The explored tree of a question: the context of a graph's nodes."""


def to_json(explored: Explored) -> dict[str, Any]:
    """Returns a tree as JSON data, without the fields that have their default values. Lone surrogates are replaced by
    "?"."""
    if isinstance(explored, Tree):
        return to_plain(explored)
    return {
        **_record_to_json(explored, besides=("nodes", "queue", "_known")),
        "nodes": [_node_to_json(node) for node in explored.nodes],
        "queue": [[list(map(str, priority)), index] for priority, index in explored.queue],  # JSON has no infinity
        "_known": [[key, stop and stop.value, to_plain(grade)] for (key, stop), grade in explored._known.items()],
    }


def from_json(data: Mapping[str, Any]) -> Explored:
    """Returns the tree that `to_json` converted; it is a Search if the data has nodes. Raises ValueError for other
    data."""
    try:
        data = _rename_earlier(data)
        if "nodes" not in data:
            return Tree(**_convert_fields(Tree, data))
        known = {(key, stop and Stop(stop)): msgspec.convert(grade, Grade) for key, stop, grade in data["_known"]}
        rest = {name: value for name, value in data.items() if name not in ("nodes", "queue", "_known")}
        return Search(
            **_convert_fields(Search, rest),
            nodes=_nodes(data["nodes"]),
            queue=[(tuple(map(float, priority)), index) for priority, index in _heap(data)],
            _known=known,
        )
    except (TypeError, KeyError, IndexError, msgspec.ValidationError) as error:
        raise ValueError(f"this is no tree of a question: {error}") from error


def _rename_earlier(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the data of a tree with fields of earlier versions renamed to their current names. A thread may have
    waited for a person since an earlier version of redraft."""
    nodes = {"nodes": [_rename_fields(node) for node in data["nodes"]]} if "nodes" in data else {}
    return {**_rename_fields(data), **nodes}


def _rename_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {EARLIER.get(name, name): value for name, value in data.items()}


def _heap(data: Mapping[str, Any]) -> list[tuple[Sequence[Any], int]]:
    """Returns the queue of a search. In versions up to 2026-11-29 each item had a single number: the cost of a node in
    best-first search, and its value in depth-first search. The queue of depth-first search was a stack with the next
    node last."""
    queue, nodes = data["queue"], data["nodes"]
    if not queue or isinstance(queue[0][0], list | tuple):
        return queue
    if all(float(number) == nodes[index].get("value", 0.0) for number, index in queue):
        return sorted(((-nodes[index].get("depth", 0), -float(number)), index) for number, index in queue)
    return [((number,), index) for number, index in queue]


def question_from_json(data: Mapping[str, Any]) -> Question:
    """Returns the question in the JSON data of a tree."""
    return msgspec.convert(data["question"], Question)


def _node_to_json(node: Node) -> dict[str, Any]:
    parent = {} if node.parent is None else {"parent": node.parent.index}
    trajectory = structs.replace(node.trajectory, steps=node.steps)
    return {
        **_record_to_json(node, besides=("parent", "children", "trajectory")),
        **parent,
        "trajectory": to_plain(trajectory),
    }


def _nodes(rows: Sequence[Mapping[str, Any]]) -> list[Node]:
    """Returns the nodes of a search, and appends each to its parent's children. In `rows`, parents come before their
    children."""
    nodes: list[Node] = []
    for row in rows:
        parent = nodes[row["parent"]] if "parent" in row else None
        node = Node(**_convert_fields(Node, {**row, "parent": None}))
        if parent is not None:
            node.parent = parent
            node.trajectory = structs.replace(node.trajectory, steps=(*parent.trajectory.steps, *node.trajectory.steps))
            parent.children.append(node)
        nodes.append(node)
    return nodes


def to_plain(value: Any) -> Any:
    """Converts records, strings, numbers and containers to JSON data, without fields that have their default values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, msgspec.Struct) or is_dataclass(value):
        return _record_to_json(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def _record_to_json(record: Any, besides: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the fields of a record that differ from their defaults, as JSON data. The fields in `besides` are left
    out."""
    pairs = ((field, getattr(record, field.name)) for field in _fields(type(record)) if field.name not in besides)
    return {field.name: to_plain(value) for field, value in pairs if value != _field_default(field)}


@cache
def _fields(kind: Any) -> tuple[Any, ...]:
    return structs.fields(kind) if issubclass(kind, msgspec.Struct) else fields(kind)


def _field_default(field: Any) -> Any:
    """Returns the default value of a field of a Struct or a dataclass. If the field has no default, returns an object
    that is equal to no value."""
    is_made = field.default_factory not in (MISSING, NODEFAULT)
    return field.default_factory() if is_made else field.default


def _convert_fields(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a record, converted to the types that `kind` declares."""
    hints = _field_types(kind)
    return {name: msgspec.convert(value, hints[name], str_keys=True) for name, value in data.items()}


@cache
def _field_types(kind: type) -> dict[str, Any]:
    """Returns the types of a record's fields. The parent of a Node is left out, because it is converted separately."""
    return {name: Any if name == "parent" else hint for name, hint in get_type_hints(kind).items()}


EARLIER = {"path": "trajectory", "paths": "trajectories", "said": "critic_grades"}
"""The current names of fields, by their names in versions up to 2026-11-29."""
