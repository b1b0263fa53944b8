"""When a notebook looks at a test split: after everything that is chosen on validation, or never.

A cell *looks at* a split when it does more with its rows than to prepare them: feeds them to a
model, scores them, reads their labels. The rule: of each dataset, every look at validation comes
before the first look at test. It is read off the code; nothing runs. Rows that reach a function by
the name of their split, `rows_of("test")`, are not followed.
"""

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

# What only makes rows ready, or draws some: no answer is looked at.
PREPARING = {
    "select", "shuffle", "map", "filter", "sort", "remove_columns", "rename_column", "with_format",
    "to_list", "to_pandas", "head", "assign", "flatten_indices", "train_test_split", "argsort",
    "DataLoader", "RandomSampler", "range", "len", "min", "max", "print", "list", "encode",
    "sorted", "tokenizer", "sum", "concat", "enumerate", "zip", "load_dataset", "batches",
    "reset_index", "lower", "split",
}  # fmt: skip
SPLITS = ("train", "validation", "test")
Tainted = dict[str, set[tuple[str, str]]]  # name: (dataset, split) of the rows it holds


def looks(notebook: NotebookNode) -> list[tuple[int, str, str]]:
    """List which code cell looks at which split of which dataset: (number, dataset, split)."""
    tainted: Tainted = {}
    datasets: set[str] = set()
    found = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells):
        if {"exercise", "solution"} & {*cell.metadata.get("tags", [])}:
            continue
        try:
            statements = ast.parse(cell.source).body
        except SyntaxError:  # a magic, in a notebook of one's own
            continue
        for statement in statements:
            seen = _Looks(tainted, datasets).of(statement)
            found += [(number, *one) for one in seen if one[1] != "train"]
    return sorted(set(found))


class _Looks:
    """What one statement looks at; notes what its names hold afterwards."""

    def __init__(self, tainted: Tainted, datasets: set[str]):
        self.tainted, self.datasets = tainted, datasets

    def of(self, statement: ast.stmt) -> set[tuple[str, str]]:
        """Look through a statement, and remember what it binds."""
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            held: set[tuple[str, str]] = set()
            for node in ast.walk(
                statement
            ):  # calling it looks at what it reads from outside
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    held |= self.tainted.get(node.id, set())
            self.tainted.pop(statement.name, None)
            if held:
                self.tainted[statement.name] = held
            return set()
        if isinstance(statement, ast.Assign) and self.binds_a_dataset(statement):
            return set()
        seen: set[tuple[str, str]] = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and not self.prepares(node):
                for part in (*node.args, *(word.value for word in node.keywords)):
                    seen |= self.held(part)
                if isinstance(node.func, ast.Name):
                    seen |= self.tainted.get(node.func.id, set())
            if isinstance(node, ast.Assign):
                self.bind(node)
        return seen

    def binds_a_dataset(self, statement: ast.Assign) -> bool:
        """Note a name that a whole dataset gets, of all splits."""
        call = statement.value
        whole = isinstance(call, ast.Call) and _called(call) == "load_dataset"
        target = statement.targets[0]
        if whole and isinstance(target, ast.Name) and not any(
            word.arg == "split" for word in call.keywords
        ):  # fmt: skip
            self.datasets.add(target.id)
            self.tainted.pop(target.id, None)
            return True
        return False

    def bind(self, statement: ast.Assign) -> None:
        """Let names hold what they are bound to: element by element, if both sides have some."""
        for target in statement.targets:
            value = statement.value
            if (
                isinstance(target, ast.Tuple)
                and isinstance(value, ast.Tuple)
                and len(target.elts) == len(value.elts)
            ):
                pairs = zip(target.elts, value.elts, strict=True)
            else:
                pairs = [(target, value)]
            for name, part in pairs:
                if isinstance(name, ast.Name):
                    held = self.held(part)
                    if held:
                        self.tainted[name.id] = held
                    else:
                        self.tainted.pop(name.id, None)

    def prepares(self, call: ast.Call) -> bool:
        """Say whether a call only makes rows ready."""
        return _called(call) in PREPARING

    def held(self, part: ast.AST) -> set[tuple[str, str]]:
        """Say whose rows an expression holds.

        A model that has seen them, or a score, does not: the look was where it was made.
        """
        if isinstance(part, ast.Name):
            return self.tainted.get(part.id, set())
        if isinstance(part, ast.Call) and not self.prepares(part):
            return set()
        found = self.split_of(part) if isinstance(part, ast.Subscript) else set()
        if not found:
            for node in ast.iter_child_nodes(part):
                found = found | self.held(node)
        return found

    def split_of(self, node: ast.Subscript) -> set[tuple[str, str]]:
        """Read `reviews["test"]`, and `cut["test"]` of a cut train split, which is validation."""
        word = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if word not in SPLITS or not isinstance(node.value, ast.Name):
            return set()
        name = node.value.id
        if name in self.datasets:
            return {(name, word)}
        # `train_test_split` calls both parts so.
        cut = {of for of, split in self.tainted.get(name, set()) if split == "train"}
        return {(of, "validation") for of in cut} if word == "test" else set()


def _called(call: ast.Call) -> str:
    """Name what is called: `f` of `f(...)` and of `x.f(...)`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


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
