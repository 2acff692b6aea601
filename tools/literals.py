"""String literals of Python code that people read.

Arguments of gettext's names, and the sentences of refusals: the domain raises these in English, and the
surface translates them when it shows them.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Message = str | tuple[str, str]
MARKS = {"_": 1, "gettext": 1, "N_": 1, "ngettext": 2}
SENTENCES = frozenset({"detail", "errors"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Read(NamedTuple):
    """The messages found, and a line for each sentence that no catalogue can hold."""

    messages: set[Message]
    warnings: list[str]


def read(files: dict[Path, str]) -> Read:
    """Return what the Python `files` (path → source) say to people."""
    trees = {path: ast.parse(source) for path, source in files.items()}
    refusals = _refusals(trees.values())
    found = Read(set(), [])
    for path, tree in trees.items():
        _Reader(path, tree, refusals, found).visit(tree)
    return found


def _refusals(trees: Iterable[ast.Module]) -> set[str]:
    """Names of `Refusal` and of every class made from it, at any depth."""
    nodes = (node for tree in trees for node in ast.walk(tree))
    bases = {node.name: {_name(base) for base in node.bases} for node in nodes if isinstance(node, ast.ClassDef)}
    known = {"Refusal"}
    while more := {name for name, above in bases.items() if above & known} - known:
        known |= more
    return known


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name; nothing for other expressions."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


class _Reader(ast.NodeVisitor):
    """Walks one module; adds to `found`."""

    def __init__(self, path: Path, tree: ast.Module, refusals: set[str], found: Read) -> None:
        self.path, self.tree, self.refusals, self.found = path, tree, refusals, found
        self.functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self.scope: ast.AST = tree
        self.followed: set[int] = set()

    def visit_FunctionDef(self, node: Function) -> None:
        """Look names up in this function first while inside it."""
        outer, self.scope = self.scope, node
        self.generic_visit(node)
        self.scope = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Take a refusal's `title`: what it says when nothing finer is said."""
        if node.name in self.refusals:
            for value in _assigned(node, "title"):
                self._sentence(value, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Take marked strings, and what refusals are raised with."""
        name = _name(node.func)
        if name in MARKS:
            self._marked(node, MARKS[name])
        elif name in self.refusals:
            for value in [*node.args[:1], *(word.value for word in node.keywords if word.arg in SENTENCES)]:
                self._sentence(value, self.scope)
        self.generic_visit(node)

    def _marked(self, call: ast.Call, count: int) -> None:
        texts = [_text(argument) for argument in call.args[:count]]
        if len(texts) == count and all(texts):
            self.found.messages.add((str(texts[0]), str(texts[1])) if count > 1 else str(texts[0]))
        elif texts and any(isinstance(argument, ast.JoinedStr) for argument in call.args[:count]):
            self._warn(call)

    def _sentence(self, node: ast.expr, scope: ast.AST) -> None:
        """Add the sentences that `node` can stand for; what is put together at run time is a warning."""
        if id(node) in self.followed:
            return
        self.followed.add(id(node))
        text = self._folded(node)
        if text:
            self.found.messages.add(text)
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod)
        ):
            self._warn(node)
        else:
            for value, inside in self._behind(node, scope):
                self._sentence(value, inside)

    def _behind(self, node: ast.expr, scope: ast.AST) -> Iterator[tuple[ast.expr, ast.AST]]:
        """Expressions whose values `node` may have, each with the scope of its names."""
        match node:
            case ast.Name(id=name):
                local = list(_assigned(scope, name))
                yield from ((value, scope) for value in local or _assigned(self.tree, name))
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                function = self.functions[name]
                yield from ((value, function) for value in _returned(function))
            case _:
                yield from ((value, scope) for value in _parts(node))

    def _folded(self, node: ast.expr) -> str | None:
        """Return the text of a literal, also of an f-string that names constants of the module only."""
        if not isinstance(node, ast.JoinedStr):
            return _text(node)
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        values = [self._constant(part) for part in parts]
        return "".join(map(str, values)) if None not in values else None

    def _constant(self, node: ast.expr) -> object:
        if isinstance(node, ast.Name):
            held = [value for value in _assigned(self.tree, node.id) if isinstance(value, ast.Constant)]
            return held[0].value if held else None
        return node.value if isinstance(node, ast.Constant) else None

    def _warn(self, node: ast.expr) -> None:
        self.found.warnings.append(f"{self.path}:{node.lineno}: put together at run time: {ast.unparse(node)}")


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parts(node: ast.expr) -> list[ast.expr]:  # noqa: PLR0911  (one line per kind of expression)
    """Return the expressions inside `node` that hold its sentences: values of a dict, branches, defaults."""
    match node:
        case ast.Dict(values=values) | ast.BoolOp(values=values):
            return values
        case (
            ast.DictComp(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value) | ast.Subscript(value=value)
        ):
            return [value]
        case ast.IfExp(body=body, orelse=other) | ast.BinOp(left=body, right=other):
            return [body, other]
        case ast.GeneratorExp(elt=value, generators=loops):
            return [value, *(loop.iter for loop in loops)]
        case ast.Call(func=ast.Name(id="next" | "dict"), args=values):
            return values
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "items" | "values"), args=arguments):
            return [value, *arguments[1:]]
    return []


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """Values that `scope` gives to `name`, whole or by item; of a module only those at its top."""
    for node in scope.body if isinstance(scope, ast.Module | ast.ClassDef) else ast.walk(scope):
        match node:
            case ast.Assign(targets=[target], value=ast.expr() as value):
                yield from _given(target, value, name)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                yield from _given(target, value, name)


def _given(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    match target, value:
        case ((ast.Name(id=found) | ast.Subscript(value=ast.Name(id=found))), _) if found == name:
            yield value
        case ast.Tuple(elts=names), ast.Tuple(elts=values):
            for one, its in zip(names, values, strict=True):
                yield from _given(one, its, name)


def _returned(function: Function) -> Iterator[ast.expr]:
    yield from (node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value)
