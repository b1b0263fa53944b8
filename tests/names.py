"""Which names the cells of a notebook read, bind and delete, found without running them.

A reader runs a cell again, or a section again, in whatever state the kernel is by then. What is
read from elsewhere must then still be there, and mean what it meant. Two rules are enough:

- what a cell reads from another cell, it does not itself rebind or delete;
- what a section reads from outside is bound in one other section, and deleted nowhere.

A section reaches from one `##` heading to the next. What a function reads counts where it is
called. Whether *objects* stand a second run is not seen here: tests/rerun.py runs them.
"""

import ast
import builtins
import re
import symtable
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode

BUILTINS = set(dir(builtins))


@dataclass
class Names:
    """What one code cell does to the names of the kernel."""

    cell: str  # its id
    section: int  # 0 before the first heading
    reads: set[str] = field(default_factory=set)  # and has not bound before
    binds: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)  # bound by an import
    mentions: set[str] = field(default_factory=set)  # read, bound before or not
    later: dict[str, set[str]] = field(default_factory=dict)  # function: what it reads


class _Reader(ast.NodeVisitor):
    """Walk one cell in the order in which it runs; branches count as taken."""

    def __init__(self, names: Names):
        self.names = names
        self.inner: list[set[str]] = []  # names of comprehensions and lambdas

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self._read(node.id)
        elif isinstance(node.ctx, ast.Store):
            self._bind(node.id)
        else:
            self._delete(node.id)

    def _read(self, name):
        if name in BUILTINS or any(name in scope for scope in self.inner):
            return
        self.names.mentions.add(name)
        if name not in self.names.binds:
            self.names.reads.add(name)

    def _bind(self, name):
        self.names.binds.add(name)
        self.names.deletes.discard(name)

    def _delete(self, name):
        self._read(name)
        self.names.binds.discard(name)
        self.names.deletes.add(name)

    def visit_Assign(self, node):
        self._each(node.value, *node.targets)

    def visit_AugAssign(self, node):
        if isinstance(node.target, ast.Name):
            self._read(node.target.id)
        self._each(node.value, node.target)

    def visit_For(self, node):
        self._each(node.iter, node.target, *node.body, *node.orelse)

    def visit_Import(self, node):
        for alias in node.names:
            name = (alias.asname or alias.name).split(".")[0]
            self._bind(name)
            self.names.modules.add(name)

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node):
        self.inner.append({node.name})  # Python unbinds it at the end of the handler
        self._each(*filter(None, [node.type]), *node.body)
        self.inner.pop()

    def visit_FunctionDef(self, node):
        self._each(*node.decorator_list, *_defaults(node.args))
        self._bind(node.name)
        self.names.later[node.name] = _globals_of(node)

    def visit_ClassDef(self, node):
        self._each(*node.decorator_list, *node.bases, *node.keywords)
        self._bind(node.name)
        self.names.later[node.name] = _globals_of(node)

    def visit_Lambda(self, node):
        self._each(*_defaults(node.args))
        self._within(
            {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}, node.body
        )

    def visit_ListComp(self, node):
        first, *others = node.generators
        self.visit(first.iter)
        bound = {
            name.id
            for loop in node.generators
            for name in ast.walk(loop.target)
            if isinstance(name, ast.Name)
        }
        rest = [part for loop in others for part in (loop.iter, *loop.ifs)]
        results = (
            [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        )
        self._within(bound, *first.ifs, *rest, *results)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def _within(self, bound, *nodes):
        self.inner.append(bound)
        self._each(*nodes)
        self.inner.pop()

    def _each(self, *nodes):
        for node in nodes:
            self.visit(node)


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [d for d in (*arguments.defaults, *arguments.kw_defaults) if d]


def _globals_of(node: ast.stmt) -> set[str]:
    """Name the globals that a function or class reads, inner functions included."""
    tables = symtable.symtable(ast.unparse(node), "<cell>", "exec").get_children()
    found = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    return found - BUILTINS


def of_notebook(notebook: NotebookNode) -> list[Names]:
    """Read the code cells of a notebook, in order; calls count as reads of the caller."""
    found, section, functions = [], 0, {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section += headings(cell.source)
        elif cell.cell_type == "code":
            names = Names(cell.get("id", "?"), section)
            _Reader(names).visit(ast.parse(cell.source))
            found.append(names)
            functions |= names.later
            called = _reached(names.mentions, functions)
            names.reads |= called - names.binds
    return found


def headings(source: str) -> int:
    """Count the `##` headings of a Markdown cell, fences left out."""
    prose = re.sub(r"^```.*?^```", "", source, flags=re.S | re.M)
    return len(re.findall(r"^## ", prose, flags=re.M))


def _reached(names: set[str], functions: dict[str, set[str]]) -> set[str]:
    """Follow functions to the globals they read, and functions among those."""
    seen, waiting = set(), list(names & functions.keys())
    while waiting:
        function = waiting.pop()
        for name in functions[function] - seen:
            seen.add(name)
            if name in functions:
                waiting.append(name)
    return seen


def not_twice(cells: list[Names]) -> Iterator[str]:
    """Complain of cells that rebind or delete what they read from other cells."""
    for cell in cells:
        for name in sorted(cell.reads & (cell.binds | cell.deletes)):
            what = "deletes" if name in cell.deletes else "rebinds"
            yield (
                f"{cell.cell}: reads {name!r} of another cell and {what} it: run twice, it meets "
                "its own leavings; give the new thing a name of its own"
            )


def two_meanings(cells: list[Names]) -> Iterator[str]:
    """Complain of names that a section reads from outside and that are not one thing there."""
    binders, deleters, modules = defaultdict(dict), defaultdict(dict), set()
    for cell in cells:
        for name in cell.binds:
            binders[name].setdefault(cell.section, cell.cell)
        for name in cell.deletes:
            deleters[name].setdefault(cell.section, cell.cell)
        modules |= cell.modules
    complained, bound = set(), defaultdict(set)
    for cell in cells:
        for name in sorted(cell.reads - bound[cell.section] - modules):
            at = [*binders[name].values(), *deleters[name].values()]
            if len(at) > 1 and (cell.section, name) not in complained:
                complained.add((cell.section, name))
                yield (
                    f"{cell.cell}: {name!r} comes from outside of its section, but "
                    f"{', '.join(sorted(set(at)))} bind or delete it: which one is meant depends on "
                    "what ran last; use two names"
                )
        bound[cell.section] |= cell.binds
