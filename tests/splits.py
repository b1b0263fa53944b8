"""When a notebook looks at a test split: after everything that is chosen on validation, or never.

A cell *looks at* a split when it does more with its rows than to prepare them: feeds them to a
model, scores them, reads their labels. The rule: of each dataset, every look at validation comes
before the first look at test. It is read off the code; nothing runs. Rows are followed where the
name of their split is kept in a variable, looped over or passed to a function of the notebook, as in
`rows_of("test")`, and where all splits are gone through, by `reviews.values()`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

# What only makes rows ready, or draws some: no answer is looked at.
PREPARING = {
    "select", "shuffle", "map", "filter", "sort", "remove_columns", "rename_column", "with_format",
    "to_list", "to_pandas", "head", "assign", "flatten_indices", "train_test_split", "argsort",
    "DataLoader", "RandomSampler", "range", "len", "min", "max", "print", "list", "encode",
    "sorted", "tokenizer", "sum", "concat", "enumerate", "zip", "load_dataset", "batches",
    "reset_index", "lower", "split", "tuple", "dict", "values", "items", "keys", "merge", "rename",
    "groupby", "sample", "to_dict", "astype", "copy", "concatenate_datasets", "append", "extend",
    "vectors_of", "blocks", "set_format", "rename_columns", "cast_column", "class_encode_column",
}  # fmt: skip
SPLITS = ("train", "validation", "test")
DEEPEST = 4  # functions that call functions
Rows = set[tuple[str, str]]  # (dataset, split) of the rows that something holds


@dataclass
class Names:
    """What the names of a notebook stand for."""

    rows: dict[str, Rows] = field(default_factory=dict)
    datasets: dict[str, str] = field(
        default_factory=dict
    )  # of all splits: what they are called
    words: dict[str, list[str]] = field(default_factory=dict)  # names of splits
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    loaded: dict[str, str] = field(
        default_factory=dict
    )  # arguments of load_dataset: the dataset

    def inside(self) -> "Names":
        """Give what a function or a comprehension sees: what it binds stays in there."""
        return replace(self, rows={**self.rows}, datasets={**self.datasets}, words={**self.words},
                       functions={**self.functions})  # fmt: skip

    def forget(self, name: str) -> None:
        """Let a name stand for nothing that is known."""
        for table in (self.rows, self.datasets, self.words, self.functions):
            table.pop(name, None)


def looks(notebook: NotebookNode) -> list[tuple[int, str, str]]:
    """List which code cell looks at which split of which dataset: (number, dataset, split)."""
    names, found = Names(), []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells):
        if {"exercise", "solution"} & {*cell.metadata.get("tags", [])}:
            continue
        try:
            statements = ast.parse(cell.source).body
        except SyntaxError:  # a magic, in a notebook of one's own
            continue
        reading = _Looks(names)
        reading.go(statements)
        found += [(number, *one) for one in reading.seen if one[1] != "train"]
    return sorted(set(found))


class _Looks:
    """What statements look at, in order; notes what their names hold afterwards."""

    def __init__(self, names: Names, depth: int = 0):
        self.names, self.depth = names, depth
        self.seen: Rows = set()
        self.returned: Rows = set()

    def go(self, statements: list[ast.stmt]) -> None:
        """Look through statements, and remember what they bind."""
        for statement in statements:
            self.statement(statement)

    def statement(self, one: ast.stmt) -> None:
        """Look through one statement with all that stands in it."""
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            self.define(one)
        elif isinstance(one, ast.For):
            self.look(one.iter)
            for bound in self.rounds(one.target, one.iter):
                bound(self.names)
                self.go(one.body)
            self.go(one.orelse)
        else:
            for part in ast.iter_child_nodes(one):
                if isinstance(part, ast.expr):
                    self.look(part)
                elif isinstance(part, ast.withitem):
                    self.look(part.context_expr)
            if isinstance(one, ast.Assign):
                for target in one.targets:
                    self.bind(target, one.value)
            elif isinstance(one, ast.AnnAssign) and one.value is not None:
                self.bind(one.target, one.value)
            elif isinstance(one, ast.AugAssign):
                self.add(one.target, one.value)
            elif isinstance(one, ast.Return) and one.value is not None:
                self.returned |= self.held(one.value)
            for block in ("body", "orelse", "finalbody"):
                self.go(getattr(one, block, []))
            for block in (*getattr(one, "handlers", []), *getattr(one, "cases", [])):
                self.go(block.body)

    def define(self, one: ast.FunctionDef | ast.ClassDef) -> None:
        """Note that calling it looks at what it reads from outside."""
        held: Rows = set()
        for node in ast.walk(one):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                held |= self.names.rows.get(node.id, set())
        self.names.forget(one.name)
        if held:
            self.names.rows[one.name] = held
        if isinstance(one, ast.FunctionDef):
            self.names.functions[one.name] = one

    # Expressions

    def look(self, part: ast.AST) -> None:
        """Find the calls that look at rows, wherever they stand in an expression."""
        if isinstance(
            part, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
        ):
            for inner in self.comprehended(part):
                for value in _values(part):
                    inner.look(value)
                self.seen |= inner.seen
            return
        if isinstance(part, ast.NamedExpr):
            self.bind(part.target, part.value)
        if isinstance(part, ast.Call):
            called, _ = self.called(part)
            self.seen |= called
            if isinstance(part.func, ast.Attribute) and part.func.attr in (
                "append",
                "extend",
            ):
                for given in part.args:
                    self.add(part.func.value, given)
        for node in ast.iter_child_nodes(part):
            self.look(node)

    def called(self, call: ast.Call) -> tuple[Rows, Rows]:
        """Say which rows a call looks at, and which its result holds."""
        if self.prepares(call):
            return set(), set()
        given = [*call.args, *(word.value for word in call.keywords)]
        seen: Rows = set()
        for part in given:
            seen |= _one_exam(self.held(part))
        known = call.func.id if isinstance(call.func, ast.Name) else None
        words = {word for part in given for word in self.words_of(part)}
        whole = {self.names.datasets[part.id] for part in given
                 if isinstance(part, ast.Name) and part.id in self.names.datasets}  # fmt: skip
        if known in self.names.functions and (words or whole) and self.depth < DEEPEST:
            inner = self.run(self.names.functions[known], call)
            return seen | inner.seen, _part_of(
                inner.returned, self.names.functions[known], call
            )
        if words and whole:  # a function from elsewhere, which takes what it is told
            seen |= {(dataset, word) for dataset in whole for word in words}
        if known is not None:
            seen |= _one_exam(self.names.rows.get(known, set()))
        return seen, set()

    def run(self, function: ast.FunctionDef, call: ast.Call) -> "_Looks":
        """Go through a function of the notebook with what a call gives it."""
        inner = _Looks(self.names.inside(), self.depth + 1)
        names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        for name in (*names, *(one.arg for one in function.args.kwonlyargs)):
            inner.names.forget(name)
        defaults = function.args.defaults
        pairs = [*zip(names[len(names) - len(defaults) :], defaults, strict=True),
                 *zip(names, call.args, strict=False),
                 *((word.arg, word.value) for word in call.keywords if word.arg)]  # fmt: skip
        for name, value in pairs:
            rows, words, dataset = (
                self.held(value),
                self.words_of(value),
                self.whole(value),
            )
            inner.set(name, rows, words, dataset)
        inner.go(function.body)
        return inner

    def prepares(self, call: ast.Call) -> bool:
        """Say whether a call only makes rows ready."""
        return _called(call) in PREPARING

    def held(self, part: ast.AST) -> Rows:
        """Say whose rows an expression holds.

        A model that has seen them, or a score, does not: the look was where it was made.
        """
        if isinstance(part, ast.Name):
            return self.names.rows.get(part.id, set())
        if isinstance(
            part, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
        ):
            inside = [inner.held(value) for inner in self.comprehended(part)
                      for value in _values(part)]  # fmt: skip
            return set().union(
                *inside, *(self.held(one.iter) for one in part.generators)
            )
        if isinstance(part, ast.Call):
            if not self.prepares(part):
                return self.called(part)[1]
            if (told := _split_asked_for(part)) and (name := self.whole(part)):
                return {(name, told)}
            if _called(part) in ("values", "items") and isinstance(
                part.func, ast.Attribute
            ):
                if name := self.whole(part.func.value):
                    return {(name, split) for split in SPLITS}
        found = self.split_of(part) if isinstance(part, ast.Subscript) else set()
        if not found:
            for node in ast.iter_child_nodes(part):
                found = found | self.held(node)
        return found

    def split_of(self, node: ast.Subscript) -> Rows:
        """Read `reviews["test"]`, `reviews[split]`, a table's rows of a split, and a cut's parts.

        `cut["test"]` of a cut train split is validation: `train_test_split` calls both parts so.
        """
        words = {word for part in ast.walk(node.slice) for word in self.words_of(part)}
        if not words:
            return set()
        if name := self.whole(node.value):
            return {(name, word) for word in words}
        held = self.held(node.value)
        cut = {of for of, split in held if split == "train"}
        return {(of, "validation") for of in cut} if words == {"test"} else set()

    def words_of(self, part: ast.AST) -> list[str]:
        """List the names of splits that an expression stands for."""
        if isinstance(part, ast.Constant):
            return [part.value] if part.value in SPLITS else []
        if isinstance(part, ast.Name):
            return self.names.words.get(part.id, [])
        if isinstance(part, ast.Tuple | ast.List | ast.Set):
            return [word for one in part.elts for word in self.words_of(one)]
        if isinstance(part, ast.Call) and _called(part) in ("list", "sorted", "tuple"):
            return [word for one in part.args for word in self.names_in(one)]
        return []

    def names_in(self, part: ast.AST) -> list[str]:
        """List what going through an expression gives, if that is names of splits."""
        if isinstance(part, ast.Call) and _called(part) == "keys":
            part = part.func.value
        return [*SPLITS] if self.whole(part) else self.words_of(part)

    def whole(self, part: ast.AST) -> str | None:
        """Name the dataset that an expression is, with all of its splits; None if it is none."""
        if isinstance(part, ast.Name):
            return self.names.datasets.get(part.id)
        if not isinstance(part, ast.Call):
            return None
        if _called(part) == "load_dataset":
            asked = ", ".join(map(ast.unparse, part.args))
            return self.names.loaded.get(asked, asked)
        if isinstance(part.func, ast.Attribute) and self.prepares(part):
            value = self.whole(part.func.value)
            return None if _called(part) in ("values", "items", "keys") else value
        return None

    # What names are bound to

    def set(self, name: str, rows: Rows, words: list[str], dataset: str | None) -> None:
        """Let a name stand for rows, names of splits, or a dataset."""
        self.names.forget(name)
        for table, value in ((self.names.rows, rows), (self.names.words, words),
                             (self.names.datasets, dataset)):  # fmt: skip
            if value:
                table[name] = value

    def bind(self, target: ast.AST, value: ast.AST) -> None:
        """Let names hold what they are bound to: element by element, if both sides have some."""
        both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        if both and len(target.elts) == len(value.elts):
            for name, part in zip(target.elts, value.elts, strict=True):
                self.bind(name, part)
            return
        if isinstance(target, ast.Tuple):
            parts = self.elements(value, len(target.elts))
            for name, rows in zip(target.elts, parts, strict=True):
                if isinstance(name, ast.Name):
                    self.set(name.id, rows, [], None)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            self.add(target.value, value)
        elif isinstance(target, ast.Name):
            rows, words = self.held(value), self.words_of(value)
            dataset = None if _split_asked_for(value) else self.whole(value)
            if dataset and _called(value) == "load_dataset":
                self.names.loaded[dataset] = dataset = target.id
            if {split for _, split in rows} == {*SPLITS} and len(
                {of for of, _ in rows}
            ) == 1:
                dataset = next(iter(rows))[0]  # all rows in one table
            self.set(target.id, rows, words, dataset)

    def elements(self, value: ast.AST, count: int) -> list[Rows]:
        """Say what each of so many elements of a value holds."""
        if isinstance(value, ast.GeneratorExp | ast.ListComp):
            each = [inner.held(value.elt) for inner in self.comprehended(value)]
            if len(each) == count:
                return each
        return [self.held(value)] * count

    def add(self, target: ast.AST, value: ast.AST) -> None:
        """Let a list or a dict hold what is put into it, too."""
        if isinstance(target, ast.Name) and (held := self.held(value)):
            self.names.rows[target.id] = self.names.rows.get(target.id, set()) | held

    # Loops

    def rounds(self, target: ast.AST, over: ast.AST) -> list:
        """List, for each round of a loop, what binds its names."""
        way = _called(over)
        if way in ("values", "items") and isinstance(over.func, ast.Attribute):
            rows = over.func.value
            counted = way == "items"
            if name := self.whole(rows):
                return [
                    self.round(target, {(name, split)}, [split], counted)
                    for split in SPLITS
                ]
            if isinstance(rows, ast.Dict):
                return [
                    self.round(target, self.held(one), [], counted)
                    for one in rows.values
                ]
        if words := self.names_in(over):
            return [self.round(target, set(), [word]) for word in words]
        if isinstance(over, ast.Tuple | ast.List) and isinstance(target, ast.Name):
            return [self.round(target, self.held(one), []) for one in over.elts]
        if (
            way == "zip"
            and isinstance(target, ast.Tuple)
            and len(target.elts) == len(over.args)
        ):
            each = [self.round(*pair) for one, part in zip(target.elts, over.args, strict=True)
                    for pair in [(one, self.held(part), [])]]  # fmt: skip
            return [lambda names: [bound(names) for bound in each]]
        return [self.round(target, self.held(over), [], way in ("items", "enumerate"))]

    def round(
        self, target: ast.AST, rows: Rows, words: list[str], counted: bool = False
    ):
        """Bind the names of a loop; with `counted`, the first holds no rows, but maybe words."""
        first = target.elts[0] if counted and isinstance(target, ast.Tuple) else None

        def bound(names: Names) -> None:
            into = _Looks(names)
            for one in (
                node for node in ast.walk(target) if isinstance(node, ast.Name)
            ):
                if one is first or not rows:
                    into.set(one.id, set(), words, None)
                else:
                    into.set(one.id, rows, [], None)

        return bound

    def comprehended(self, part: ast.AST) -> list["_Looks"]:
        """Go through a comprehension: for each round, what its names stand for."""
        scopes = [_Looks(self.names.inside(), self.depth)]
        for generator in part.generators:
            further = []
            for scope in scopes:
                scope.look(generator.iter)
                for bound in scope.rounds(generator.target, generator.iter):
                    inner = _Looks(scope.names.inside(), self.depth)
                    inner.seen |= scope.seen
                    bound(inner.names)
                    for condition in generator.ifs:
                        inner.look(condition)
                    further.append(inner)
            scopes = further
        return scopes


def _values(part: ast.AST) -> list[ast.AST]:
    return [part.key, part.value] if isinstance(part, ast.DictComp) else [part.elt]


def _called(call: ast.AST) -> str:
    """Name what is called: `f` of `f(...)` and of `x.f(...)`."""
    function = getattr(call, "func", None)
    return getattr(function, "attr", getattr(function, "id", ""))


def _split_asked_for(call: ast.AST) -> str | None:
    """Read `load_dataset(..., split="test[:100]")`."""
    for word in call.keywords if _called(call) == "load_dataset" else []:
        if word.arg == "split" and isinstance(word.value, ast.Constant):
            return str(word.value.value).partition("[")[0]
    return None


def _part_of(rows: Rows, function: ast.FunctionDef, call: ast.Call) -> Rows:
    """Name rows by the switch that a function filters by: those of `True` are not those of `False`."""
    filters = any(_called(node) == "filter" for node in ast.walk(function))
    given = [*call.args, *(word.value for word in call.keywords)]
    switches = [ast.unparse(part) for part in given
                if isinstance(part, ast.Constant) and isinstance(part.value, bool)]  # fmt: skip
    if not filters or not switches:
        return rows
    return {
        (f"{of} ({function.name}: {', '.join(switches)})", split) for of, split in rows
    }


def _one_exam(rows: Rows) -> Rows:
    """Take rows of validation that are mixed with those of test for test: nobody chooses by them."""
    mixed = {of for of, split in rows if split == "test"}
    return {
        (of, split) for of, split in rows if split != "validation" or of not in mixed
    }


def too_early(notebook: NotebookNode) -> Iterator[str]:
    """Say where a test split is looked at before the last look at validation."""
    found = looks(notebook)
    for dataset in sorted({dataset for _, dataset, _ in found}):
        chosen = [
            n for n, of, split in found if of == dataset and split == "validation"
        ]
        for number, of, split in found:
            if of == dataset and split == "test" and chosen and number < max(chosen):
                yield (
                    f"cell {number + 1} looks at the test split of {dataset}, and cell "
                    f"{max(chosen) + 1} still chooses on validation"
                )
