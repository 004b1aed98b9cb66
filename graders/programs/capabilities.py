"""Detects which part of Python Monty lacks, from an error message and from the program that failed.

If a missing part may have caused a failure, the failure proves nothing about the program. If CPython would raise the
same error, the error is the program's own. CPython's own types and modules show which names exist.
"""

import ast
import builtins
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeGuard


def lacks(error: str) -> str | None:
    """Returns the name of the part of Python that caused an error because CPython has it and the sandbox lacks it. A
    right program may use such a part. Returns None for any other error."""
    for pattern, told in ERRORS:
        if match := re.match(pattern, error):
            return told(match)
    return None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a program, or of one of its tests. `places` are the positions in the program that the traceback
    names: pairs of a line, from 1, and a column, from 0."""

    test: str | None
    reason: str
    places: tuple[tuple[int, int], ...] = ()


def missing(tree: ast.Module, code: str, failure: Failure) -> str | None:
    """Returns what Monty lacks, if that may have caused the failure, otherwise None. `tree` is the program that was
    run, and `code` its original text."""
    told = lacks(failure.reason)
    if not told and failure.test is None and failure.reason.startswith("SyntaxError") and _compiles(code):
        told = "this syntax"
    return told or next(filter(None, (look(tree, failure) for look in LOOKS)), None)


def uncertain(tree: ast.Module) -> str | None:
    """Returns what Monty silently ignores in a program, or None. If Monty ignores something, the program's success is
    not certain."""
    return next((f"the special method {name!r}" for name in _special_methods(tree) if name in PASSED_OVER), None)


def _compiles(code: str) -> bool:
    try:
        compile(code, "program", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _uncalled(tree: ast.Module, failure: Failure) -> str | None:
    return next((f"the special method {name!r}" for name in _special_methods(tree) if name not in SPECIAL), None)


def _computed_whole(tree: ast.Module, failure: Failure) -> str | None:
    """Returns what Monty lacks, if Monty may have evaluated a generator expression further than CPython would;
    otherwise None."""
    whole = {id(node) for call in ast.walk(tree) if _calls(call, EXHAUSTING) for node in call.args}
    lazy = [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.GeneratorExp) or _calls(node, LAZY)) and id(node) not in whole
    ]
    kind = failure.reason.partition(":")[0]
    if kind in ("TimeoutError", "MemoryError"):
        found = bool(lazy) and any(_name(node) in ENDLESS for node in ast.walk(tree))
    elif kind == "AssertionError":
        found = any(_changes(inner) for node in lazy for inner in ast.walk(node))
    else:
        found = kind not in FIRST and any(_holds(node, place) for node in lazy for place in failure.places)
    return "generator expressions that stop early" if found else None


def _asks_for_methods(tree: ast.Module, failure: Failure) -> str | None:
    return "hasattr() of methods" if any(_calls(node, {"hasattr", "getattr"}) for node in ast.walk(tree)) else None


def _extends(tree: ast.Module, failure: Failure) -> str | None:
    extends = any(isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) for node in ast.walk(tree))
    return "+= of a list with another kind" if extends and "can only concatenate list" in failure.reason else None


def _special_methods(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            match member:
                case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    if name.startswith("__") and name.endswith("__"):
                        yield name


def _calls(node: ast.AST, names: set[str]) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and _name(node.func) in names


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _changes(node: ast.AST) -> bool:
    return isinstance(node, ast.NamedExpr) or _calls(node, CHANGING)


def _holds(node: ast.AST, place: tuple[int, int]) -> bool:
    """Returns whether a position (line, column) is inside a node."""
    return isinstance(node, ast.expr) and (
        (node.lineno, node.col_offset) <= place < (node.end_lineno or 0, node.end_col_offset or 0)
    )


def _module(match: re.Match[str]) -> str | None:
    name = match[1].partition(".")[0]
    return f"the module {match[1]!r}" if name in sys.stdlib_module_names or name in PACKAGES else None


def _builtin(match: re.Match[str]) -> str | None:
    return f"the name {match[1]!r}" if hasattr(builtins, match[1]) else None


def _imported(match: re.Match[str]) -> str | None:
    return _of_module(match["module"], match["name"])


def _of_module(module: str, name: str) -> str | None:
    known = module in MODULES and hasattr(import_module(module), name)
    return f"the name {name!r} of the module {module!r}" if known else None


def _attribute(match: re.Match[str]) -> str | None:
    owner, name = match["owner"], match["name"]
    if name.startswith("__") and name.endswith("__"):
        return f"the attribute {name!r}"
    return f"the method {name!r} of {owner}, or its use as a value" if hasattr(_type(owner), name) else None


def _type(name: str) -> Any:
    """Returns the CPython type that has this name in Monty; `object` if there is none."""
    module, _, last = name.rpartition(".")
    if module:
        return getattr(import_module(module), last, object) if module in MODULES else object
    found = getattr(builtins, name, None) or TYPES.get(name)
    return found if isinstance(found, type) else object


def _arguments(match: re.Match[str]) -> str | None:
    """Returns the built-in function or method that takes fewer arguments in Monty than in CPython; None if CPython
    rejects these arguments too."""
    owner, name = match["owner"], match["name"]
    function = getattr(_type(owner), name, None) if owner else getattr(builtins, name, None)
    if function is None:
        return None
    given = match["given"]
    try:
        places = [None] * (int(given) + bool(owner)) if given else []
        (inspect.signature(function).bind if given else inspect.signature(function).bind_partial)(*places)
    except ValueError:  # it has no signature that can be read
        pass
    except TypeError:
        return None
    return f"arguments of {owner + '.' if owner else ''}{name}()"


def _said(words: str) -> Callable[[re.Match[str]], str]:
    return lambda match: match.expand(words)


OWNER = r"AttributeError: (?:type object )?'(?P<owner>[\w.]+)'(?: object)? has no attribute '(?P<name>\w+)'"
CALL = r"TypeError: (?:(?P<owner>[\w.]+)\.)?(?P<name>\w+)\(\) (?:takes|expected|got|missing)[^(]*"
ERRORS: tuple[tuple[str, Callable[[re.Match[str]], str | None]], ...] = (
    (r"ModuleNotFoundError: No module named '([^']+)'", _module),
    (r"NameError: name '(\w+)' is not defined", _builtin),
    (r"ImportError: cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'", _imported),
    (r"AttributeError: module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'", _imported),
    (OWNER + " and no __dict__", _said(r"attributes of a \g<owner>")),
    (OWNER, _attribute),
    (r"NotImplementedError: The monty .*?support (.+)", _said(r"\1")),
    (r"NotImplementedError: Wildcard imports", _said("imports of *")),
    (r"\w+: (\S+).*\b(?:not yet|yet support)", _said(r"a use of \1")),
    (CALL + r"(?:\((?P<given>\d+) given\))?", _arguments),
    (r"TypeError: 'list' object is not an iterator", _said("iterators of some functions")),
    (r"TypeError: 'typing\.\w+' object is not", _said("types of the module 'typing'")),
    (r"TypeError: cannot convert '(\w+)' object to bytes", _said(r"bytes() of a \1")),
    (r"TypeError: cannot create 'object' instances", _said("object()")),
    (r"ValueError: pow\(\) 2nd argument cannot be negative", _said("pow() for an inverse")),
    (r"RuntimeError: Internal error in monty", _said("what this program does")),
    (r"RecursionError: through built-in functions", _said("deep recursion through built-in functions")),
    (r"MemoryError: the interpreter died", _said("an interpreter that bears this program")),
)
"""Pairs of a pattern for the beginning of an error message, and a function that says what Monty lacks. The first match
is used."""

LOOKS = (_uncalled, _computed_whole, _asks_for_methods, _extends)
LAZY = {"map", "filter"}
EXHAUSTING = {
    "Counter", "bytes", "deque", "dict", "frozenset", "join", "list", "max", "min", "set", "sorted", "sum", "tuple"
}  # fmt: skip
FIRST = {"NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError", "RecursionError"}
"""Errors that the first item of an iterator would raise too."""
ENDLESS = {"count", "cycle", "repeat"}
CHANGING = {"append", "add", "pop", "remove", "update", "extend", "insert", "discard", "setdefault", "popleft", "next"}
CALLED = """
abs add and annotations call contains divmod doc enter eq exit float floordiv getitem hash iadd iand ifloordiv ilshift
imatmul imod imul index init int invert ior ipow irshift isub iter itruediv ixor lshift matmul mod module mul ne neg
next or pos post_init pow radd rand rdivmod repr rfloordiv rlshift rmatmul rmod rmul ror round rpow rrshift rshift rsub
rtruediv rxor setitem str sub truediv xor
"""
SPECIAL = frozenset(f"__{name}__" for name in CALLED.split())
"""The special methods that Monty calls."""
PASSED_OVER = frozenset({"__bool__", "__new__", "__setattr__", "__get__", "__getattribute__"})
PARTIAL = """
asyncio base64 binascii bisect collections copy csv dataclasses datetime decimal functools hashlib itertools json math
os pathlib posixpath random re sys time tomllib typing unicodedata
"""
MODULES = frozenset(PARTIAL.split())
"""The modules that Monty has. Each lacks some of its names."""
POPULAR = "bs4 matplotlib networkx nltk numpy pandas requests scipy sklearn sortedcontainers sympy torch yaml"
PACKAGES = frozenset(POPULAR.split())
"""Packages that programs often import and that may be installed."""
TYPES = {
    "function": types.FunctionType,
    "builtin_function_or_method": types.BuiltinFunctionType,
    "method": types.MethodType,
    "module": types.ModuleType,
    "NoneType": types.NoneType,
    **{name: getattr(import_module("collections"), name) for name in ("deque", "defaultdict", "Counter")},
    **{name: getattr(import_module("datetime"), name) for name in ("date", "datetime", "time", "timedelta")},
    "Decimal": import_module("decimal").Decimal,
}
