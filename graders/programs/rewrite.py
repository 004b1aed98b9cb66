r"""Rewrites a program so that Monty computes what CPython computes. It changes code that Monty runs without an error
but with a different result.

- In Monty, generator expressions, `map`, `filter`, `zip`, `enumerate` and `reversed` return lists. If a program may not
  read one of them to the end, `iter` is called on it, so that it can be read only once.
- In Monty, a method of a built-in type is not a value: in `key=counts.get` and `map(str.upper, words)` the method is
  replaced by a lambda.
- `round(x, 2)` rounds the decimal digits of a number in Monty, and its exact value in CPython.
- In a template of `re.sub`, Monty reads `\1_` as one name, and does not replace `\n`.
- In Monty, a set has the order in which its members were added, and in CPython another order. `with_sets_turned`
  reverses the order: if the outcome changes, it depends on the order of a set.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

PRELUDE = """
def __round__(number, ndigits=None):
    if type(number) is float and type(ndigits) is int and 0 <= ndigits <= 300:
        return float(f"{number:.{ndigits}f}")
    return round(number) if ndigits is None else round(number, ndigits)

def __turned__(values):
    return list(values)[::-1] if isinstance(values, (set, frozenset)) else values

def __pop__(values):
    if not isinstance(values, (set, frozenset)):
        return values.pop()
    value = next(iter(values))
    values.remove(value)
    return value
"""
"""The functions that a rewritten program calls. They must be defined before it runs."""

EQUAL = """
def __equal__(value, expected):
    if not value == expected:
        raise AssertionError(f"it is {value!r:.500}")
"""


def rewritten(tree: ast.Module) -> str | None:
    """Returns the text of a program that computes in Monty what `tree` computes in CPython; None if `tree` needs no
    change. Modifies `tree`."""
    return _text(_Rewriting(tree), tree) if _may_change(tree) else None


def _may_change(tree: ast.Module) -> bool:
    """Returns whether a program may need to be rewritten. Most programs need not. This check is fast: it visits each
    node once, parents before children."""
    done, methods = set[int](), set[int]()  # nodes that their parents read completely, and methods that are called
    for node in ast.walk(tree):
        kind = type(node)
        if kind is ast.Call:
            called: Any = node.func  # type: ignore[attr-defined]
            if type(called) is ast.Name:
                if called.id in ROUND or (called.id in LAZY and id(node) not in done):
                    return True
                if called.id in CONSUMERS:
                    done.update(map(id, node.args))  # type: ignore[attr-defined]
            elif type(called) is ast.Attribute:
                if called.attr in ("sub", "subn") or _names(called.value, OWNERS):
                    return True
                methods.add(id(called))
                if called.attr in CONSUMING:
                    done.update(map(id, node.args))  # type: ignore[attr-defined]
        elif kind is ast.For or kind is ast.comprehension:
            done.add(id(node.iter))  # type: ignore[attr-defined]
        elif kind is ast.Starred:
            done.add(id(node.value))  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            value: Any = node
            if value.attr in METHODS and id(node) not in methods:
                return True
        elif kind is ast.GeneratorExp and id(node) not in done:
            return True
    return False


def with_reasons(tests: list[ast.stmt]) -> list[ast.stmt]:
    """Returns the tests, changed so that a failed `assert value == expected` inside a function reports the value.
    Modifies `tests`."""
    change = _Reasoning()
    changed: list[ast.stmt] = [change.visit(test) if isinstance(test, ast.FunctionDef) else test for test in tests]
    return [*ast.parse(EQUAL).body, *changed] if change.made else changed


def makes_sets(statements: Iterable[ast.AST]) -> bool:
    """Returns whether one of these statements makes a set."""
    return any(
        isinstance(node, ast.Set | ast.SetComp) or _names(node, SETS)
        for statement in statements
        for node in ast.walk(statement)
    )


def with_sets_turned(tree: ast.Module) -> str | None:
    """Returns the text of a program that iterates over each set in the opposite order; None if it iterates over
    nothing. Modifies `tree`."""
    return _text(_Turning(tree), tree)


def _text(change: "_Change", tree: ast.Module) -> str | None:
    changed = change.visit(tree)
    try:
        return ast.unparse(changed) if change.made else None
    except (ValueError, RecursionError):  # an f-string that `unparse` cannot write
        return None


class _Change(ast.NodeTransformer):
    """Changes a tree; `made` is the number of changes. A name that the program binds itself does not count as a
    built-in."""

    def __init__(self, tree: ast.Module) -> None:
        self.made = 0
        self.own = {name for node in ast.walk(tree) for name in _bound(node)}

    def call(self, name: str, *arguments: ast.expr) -> ast.Call:
        self.made += 1
        return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])

    def calls(self, node: ast.AST, names: frozenset[str]) -> bool:
        """Returns whether a node is a call of one of these built-in functions."""
        return isinstance(node, ast.Call) and _names(node.func, names - self.own)


class _Rewriting(_Change):
    """Inserts iterators, functions and exact rounding."""

    def __init__(self, tree: ast.Module) -> None:
        super().__init__(tree)
        self._modules = {name for node in ast.walk(tree) if isinstance(node, IMPORTS) for name in _bound(node)}
        self._consumed: set[ast.AST] = set()

    def visit_For(self, node: ast.For) -> ast.AST:
        self._consumed.add(node.iter)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self._consumed.add(node.iter)
        return self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        self._consumed.add(node.value)
        return self.generic_visit(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._once(node, self.generic_visit(node))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self.calls(node, CONSUMERS) or (isinstance(node.func, ast.Attribute) and node.func.attr in CONSUMING):
            self._consumed.update(node.args)
        if self.calls(node, ROUND) and len(node.args) + len(node.keywords) == 2:
            self.made += 1
            node.func = ast.Name("__round__", ast.Load())
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("sub", "subn"):
            place = int(_names(node.func.value, self._modules))  # re.sub(pattern, template), or pattern.sub(template)
            node.args[place : place + 1] = [self._template(argument) for argument in node.args[place : place + 1]]
        lazy = self.calls(node, LAZY)
        if isinstance(node.func, ast.Attribute) and not self._of_type(node.func):
            node.func.value = self.visit(node.func.value)
        else:
            node.func = self.visit(node.func)
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        return self._once(node, node) if lazy else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        of_type = self._of_type(node)
        node.value = self.visit(node.value)
        if node.attr not in METHODS - self.own or not isinstance(node.ctx, ast.Load):
            return node
        if _names(node.value, self._modules) or (_names(node.value, OWNERS) and not of_type):
            return node
        self.made += 1
        call = ast.Call(ast.Attribute(NAME, node.attr, ast.Load()), [ast.Starred(REST, ast.Load())], [])
        name, rest = ast.arg(NAME.id), ast.arg(REST.id)
        if of_type:
            return ast.Lambda(ast.arguments([], [name], rest, [], [], None, []), call)
        return ast.Lambda(ast.arguments([], [], rest, [name], [node.value], None, []), call)

    def _template(self, node: ast.expr) -> ast.expr:
        """Returns a string that may be a template of `re.sub`, with its groups and escapes written out."""
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not TEMPLATE.search(node.value):
            return node
        self.made += 1
        return ast.Constant(TEMPLATE.sub(lambda match: ESCAPES.get(match[1], rf"\g<{match[1]}>"), node.value))

    def _of_type(self, node: ast.Attribute) -> bool:
        """Returns whether an attribute is a method of a built-in type that needs an instance, such as `str.upper`."""
        return _names(node.value, OWNERS - self.own) and node.attr in METHODS - OF_CLASSES

    def _once(self, node: ast.expr, visited: Any) -> ast.AST:
        return visited if node in self._consumed or "iter" in self.own else self.call("iter", visited)


class _Reasoning(ast.NodeTransformer):
    """Makes assertions of equality report the value that they got."""

    made = 0

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        match node:
            case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None):
                self.made += 1
                return ast.Expr(ast.Call(ast.Name("__equal__", ast.Load()), [left, right], []))
        return node


class _Turning(_Change):
    """Iterates over sets in the opposite order wherever the order may matter."""

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self.call("__turned__", node.iter)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.iter = self.call("__turned__", node.iter)
        return self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            node.value = self.call("__turned__", node.value)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        ordered = self.calls(node, ORDERED) or (isinstance(node.func, ast.Attribute) and node.func.attr in CONSUMING)
        if ordered and (len(node.args) == 1 or not self.calls(node, EXTREMES)):
            node.args = [
                argument if isinstance(argument, ast.Starred) else self.call("__turned__", argument)
                for argument in node.args
            ]
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args and not node.keywords:
            return self.call("__pop__", node.func.value)
        return node


def _names(node: ast.AST, names: "frozenset[str] | set[str]") -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _bound(node: ast.AST) -> Iterator[str]:
    """Yields the names that a node binds, including the names of attributes."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.Call(func=ast.Name(id="namedtuple"), args=[_, fields, *_]):
            yield from re.findall(r"\w+", ast.unparse(fields))


NAME, REST = ast.Name("_o", ast.Load()), ast.Name("_a", ast.Load())
TEMPLATE = re.compile(r"(?<!\\)\\([1-9]\d?|[nrtafv])")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "f": "\f", "v": "\v"}
IMPORTS = ast.Import | ast.ImportFrom
SETS = frozenset({"set", "frozenset"})
ROUND = frozenset({"round"})
EXTREMES = frozenset({"max", "min"})
LAZY = frozenset({"map", "filter", "zip", "enumerate", "reversed"})
ORDERED = EXTREMES | LAZY | {"list", "tuple", "iter", "sorted", "sum", "deque", "Counter", "dict", "reduce"}
CONSUMERS = (ORDERED - {"iter", "reversed"}) | SETS | {"any", "all", "bytes", "bytearray"}
CONSUMING = frozenset({"join", "extend", "update", "union", "intersection", "difference", "fromkeys", "from_iterable"})
TYPES = (str, list, dict, set, tuple, int, float, bytes, frozenset)
OWNERS = frozenset(kind.__name__ for kind in TYPES)
METHODS = frozenset(
    name for kind in TYPES for name, value in vars(kind).items() if callable(value) and not name.startswith("_")
)
OF_CLASSES = frozenset({"fromkeys", "maketrans", "fromhex", "from_bytes"})
"""Class methods and static methods, which need no instance."""
