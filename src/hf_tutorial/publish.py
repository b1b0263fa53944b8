"""Execute the notebooks: into pages to read (`run`), or back into the repository (`record`).

python -m hf_tutorial.publish run       # into build/, notebooks/ is only read
python -m hf_tutorial.publish record    # outputs and minutes into notebooks/ and README
python -m hf_tutorial.publish handout   # build/handout/: no solutions, no outputs
"""

import argparse
import asyncio
import base64
import contextlib
import copy
import importlib.resources
import io
import os
import re
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from PIL import Image
from pygments.formatters import HtmlFormatter
from tqdm import tqdm

from hf_tutorial import NOTEBOOKS

ROOT = NOTEBOOKS.parent
BUILD = ROOT / "build"
CELL_TIMEOUT = 300  # seconds; on a busy machine a training takes minutes
AT_ONCE = 2
WORDS_PER_MINUTE = 130  # prose, read aloud
SECONDS_PER_LINE = 5  # of code, said while it is shown
SECONDS_PER_OUTPUT = 20  # to look at it together
SECONDS_PER_FIGURE = 30  # and longer at a figure


@dataclass
class Execution:
    """One notebook, executed: what came out and what it took."""

    path: Path
    notebook: nbformat.NotebookNode
    seconds: float = 0.0
    peak_bytes: int = 0
    failure: str = ""
    cells: int = field(init=False)

    def __post_init__(self):
        """Count the code cells."""
        self.cells = sum(cell.cell_type == "code" for cell in self.notebook.cells)


def discover(folder: Path = NOTEBOOKS) -> list[Path]:
    """List the notebooks of the collection, in reading order.

    Raises:
        FileNotFoundError: There are none.
    """
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"no notebooks named NN_*.ipynb in {folder.name}/")
    return paths


def execute(paths: list[Path], *, at_once: int = AT_ONCE) -> list[Execution]:
    """Execute notebooks from fresh kernels, with a progress bar naming the running cells.

    Each runs in the folder it lies in. One that fails does not stop the others.

    Args:
        paths: Notebooks; they are read, never written.
        at_once: How many kernels run side by side.

    Returns:
        One execution per path, in the same order; `failure` says which cell and why.
    """
    executions = [Execution(path, nbformat.read(path, as_version=4)) for path in paths]
    with tqdm(
        total=sum(e.cells for e in executions), unit="cell", mininterval=1, leave=False
    ) as bar:
        asyncio.run(_execute_all(executions, at_once, bar))
    return executions


async def _execute_all(executions: list[Execution], at_once: int, bar: tqdm) -> None:
    free = asyncio.Semaphore(at_once)
    # Threads of two kernels on the same cores would wait for each other most of the time.
    shared = {} if at_once == 1 else {"OMP_NUM_THREADS": _share_of_cores(at_once)}
    running: dict[str, str] = {}

    async def one(execution: Execution) -> None:
        async with free:
            await _execute(execution, bar, running, shared)

    await asyncio.gather(*(one(execution) for execution in executions))


def _share_of_cores(at_once: int) -> str:
    return str(max((os.cpu_count() or 1) // at_once, 1))


async def _execute(
    execution: Execution,
    bar: tqdm,
    running: dict[str, str],
    environment: dict[str, str],
) -> None:
    number, cells = execution.path.stem[:2], execution.notebook.cells
    code = [index for index, cell in enumerate(cells) if cell.cell_type == "code"]
    current = 0  # counted from 1, as a reader counts

    def started(cell, cell_index):
        nonlocal current
        if cell.cell_type == "code":
            current = code.index(cell_index) + 1
            running[number] = f"{number} cell {current}/{len(code)}"
            bar.set_postfix_str(
                " · ".join(running.values()), refresh=sys.stderr.isatty()
            )

    def finished(cell, cell_index, execute_reply):
        bar.update()

    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        execution.notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(execution.path.parent)}},
        extra_arguments=["--log-level=ERROR"],
        coalesce_streams=True,
        on_cell_start=started,
        on_cell_executed=finished,
    )
    clock = time.perf_counter()
    try:
        # Notebooks are shown and compared as they run on a CPU.
        env = {**os.environ, **environment, "CUDA_VISIBLE_DEVICES": ""}
        async with client.async_setup_kernel(env=env):
            # nbclient would take Ctrl-C for itself and stop one kernel of several.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            with _peak_memory(client.km, execution):
                for index, cell in enumerate(cells):
                    await client.async_execute_cell(cell, index)
        silent = [
            number for number, index in enumerate(code, 1) if _kept_quiet(cells[index])
        ]
        if silent:
            execution.failure = (
                f"cell {silent[0]}: tagged raises-exception, but raised nothing"
            )
    except CellTimeoutError:
        execution.failure = f"cell {current}: no answer within {CELL_TIMEOUT} s"
    except CellExecutionError as error:
        execution.failure = f"cell {current}: {error.ename}: {_one_line(error.evalue)}"
    except DeadKernelError:
        execution.failure = f"cell {current}: the kernel died (out of memory?)"
    except Exception as error:
        execution.failure = f"no kernel: {type(error).__name__}: {error}"
    execution.seconds = time.perf_counter() - clock
    running.pop(number, None)


def _kept_quiet(cell) -> bool:
    raised = any(output.output_type == "error" for output in cell.outputs)
    return "raises-exception" in cell.metadata.get("tags", []) and not raised


class _peak_memory:
    """Sample the memory of a kernel and its children into an execution."""

    def __init__(self, manager, execution: Execution):
        self.process = psutil.Process(manager.provisioner.pid)
        self.execution = execution
        self.over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        self.thread.join()

    def _sample(self):
        while not self.over.wait(0.1):
            try:
                family = [self.process, *self.process.children(recursive=True)]
                total = sum(process.memory_info().rss for process in family)
            except psutil.Error:
                continue  # a process ended between listing and asking
            self.execution.peak_bytes = max(self.execution.peak_bytes, total)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip()


def _one_line(text: str) -> str:
    return " ".join(_plain(text).split())[:300]


def table(executions: list[Execution]) -> str:
    """Lay out notebook, cells, seconds, peak memory and result, a line each."""
    lines = [f"{'notebook':30} {'cells':>5} {'seconds':>8} {'peak MB':>8}  result"]
    for e in executions:
        result = f"FAILED in {e.failure}" if e.failure else "ok"
        lines.append(
            f"{e.path.stem:30} {e.cells:5} {e.seconds:8.1f} {e.peak_bytes / 1e6:8.0f}  {result}"
        )
    return "\n".join(lines)


def run() -> int:
    """Execute all notebooks into build/, with a page for each and an index.

    Returns:
        The exit status: 1 when a notebook failed.
    """
    executions = execute(discover())
    shutil.rmtree(BUILD / "notebooks", ignore_errors=True)
    shutil.rmtree(BUILD / "pages", ignore_errors=True)
    (BUILD / "notebooks").mkdir(parents=True)
    for execution in executions:
        nbformat.write(execution.notebook, BUILD / "notebooks" / execution.path.name)
    write_pages([(e.path, e.notebook) for e in executions], BUILD / "pages")
    print(table(executions))
    print("pages: build/pages/index.html")
    return int(any(e.failure for e in executions))


def write_pages(
    notebooks: list[tuple[Path, nbformat.NotebookNode]], folder: Path
) -> None:
    """Write one HTML page per notebook and an index; nothing in them is loaded from outside.

    The Markdown pages beside the notebooks, such as a glossary, become pages as well.
    """
    titles = [(path.stem, _title(notebook)) for path, notebook in notebooks]
    sheets = [(path, _sheet(path)) for path in sorted(NOTEBOOKS.glob("*.md"))]
    pages = [(path, sheet, {}) for path, sheet in sheets]
    for place, (path, notebook) in enumerate(notebooks):
        neighbours = {
            "before": titles[place - 1] if place else None,
            "after": titles[place + 1] if place + 1 < len(titles) else None,
        }
        pages.append((path, _for_page(notebook), neighbours))
    folder.mkdir(parents=True, exist_ok=True)
    page = importlib.resources.files("hf_tutorial") / "page"
    style = (page / "style.css").read_text(encoding="utf-8")
    style += HtmlFormatter(style="xcode").get_style_defs(".highlight")
    with importlib.resources.as_file(page) as template:
        exporter = HTMLExporter(
            template_name=template.name,
            extra_template_basedirs=[str(template.parent)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            embed_images=True,
        )
        for path, notebook, neighbours in pages:
            metadata = {"name": _title(notebook), "path": str(path.parent)}
            body, _ = exporter.from_notebook_node(
                notebook, {"metadata": metadata, "style": style, **neighbours}
            )
            (folder / f"{path.stem}.html").write_text(
                _local_links(body), encoding="utf-8"
            )
    rows = "".join(
        f'<li><a href="{stem}.html">{title}</a><br>{_question(notebook)}</li>'
        for (stem, title), (_, notebook) in zip(titles, notebooks, strict=True)
    )
    beside = " · ".join(
        f'<a href="{path.stem}.html">{_title(notebook)}</a>'
        for path, notebook in sheets
    )
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Hugging Face, top to bottom</title><style>{style}</style>"
        f'<main><h1>Hugging Face, top to bottom</h1><ol class="index" start="0">{rows}</ol>'
        f"<p>{beside}</p></main>",
        encoding="utf-8",
    )


def _for_page(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["folded"] = "solution" in cell.metadata.get("tags", [])
            for output in cell.outputs:
                if output.output_type == "error":  # our own short form; see start()
                    output.traceback = [_plain(line) for line in output.traceback]
    return notebook


def _sheet(path: Path) -> nbformat.NotebookNode:
    """Read a Markdown page as a notebook of one cell."""
    text = path.read_text(encoding="utf-8")
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def _local_links(body: str) -> str:
    body = body.replace('href="../README.md"', 'href="index.html"')
    return re.sub(r'href="(\w+)\.(?:ipynb|md)(?=["#])', r'href="\1.html', body)


def _title(notebook: nbformat.NotebookNode) -> str:
    return re.search(r"^# (.+)$", notebook.cells[0].source, flags=re.M)[1]


def _question(notebook: nbformat.NotebookNode) -> str:
    """Return the line below the title: the question that the notebook answers."""
    return re.search(r"^\*\*(.+\?)\*\*$", notebook.cells[0].source, flags=re.M)[1]


def record(names: list[str]) -> int:
    """Save outputs, minutes and README's table into the repository; all or nothing.

    Args:
        names: Notebooks to record, by the beginning of their names; all when empty.

    Returns:
        The exit status: 1 when a notebook failed, and then nothing is written.
    """
    if os.environ.get("HF_TUTORIAL_SOURCE", "bundled") != "bundled":
        sys.exit(
            "HF_TUTORIAL_SOURCE is set: only outputs of the bundled models are recorded"
        )
    paths = [p for p in discover() if not names or p.name.startswith(tuple(names))]
    if not paths:
        sys.exit(f"no notebook's name begins with {' or '.join(names)}")
    executions = execute(paths, at_once=1)  # alone, so that the seconds are a reader's
    print(table(executions))
    if any(e.failure for e in executions):
        print(
            "nothing recorded: mend the cell named above, then record again",
            file=sys.stderr,
        )
        return 1
    contents: dict[Path, bytes] = {}  # all of it is made before any of it is written
    recorded = {}
    for execution in executions:
        notebook = recorded[execution.path] = normalise(execution.notebook)
        measure(notebook, execution.seconds)
        contents[execution.path] = (nbformat.writes(notebook) + "\n").encode()
        for cell in notebook.cells:
            if target := cell.metadata.get("picture"):
                contents[NOTEBOOKS / target] = _picture(cell)
    readme = ROOT / "README.md"
    text = with_table(readme.read_text(encoding="utf-8"), readme_table(recorded))
    contents[readme] = text.encode()
    _write_all(contents)
    return 0


def _picture(cell: nbformat.NotebookNode) -> bytes:
    for output in cell.outputs:
        if "image/png" in output.get("data", {}):
            return base64.b64decode(output.data["image/png"])
    raise ValueError(
        f"cell {cell.id} should make {cell.metadata.picture}, but drew nothing"
    )


def _write_all(contents: dict[Path, bytes]) -> None:
    """Write files so that each is either the old one or the new one, never half of it."""
    for path, content in contents.items():
        path.with_name(f".{path.name}.new").write_bytes(content)
    for path in contents:
        os.replace(path.with_name(f".{path.name}.new"), path)


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Strip what says something of the machine and nothing to a reader; in place.

    Tracebacks keep the short form that `start` gives them, without colours.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            **{k: v for k, v in notebook.metadata.items() if k == "minutes"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [_plain(line) for line in output.traceback]
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
            # Widgets live in a running kernel only; their saved view is a random number.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    # Libraries chatter on stderr differently on each machine; start() silences what it can.
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return notebook


def _smaller(picture: str) -> str:
    """Reduce a base64 PNG to a palette of 256 colours: a third of the bytes, the same to the eye."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    buffer = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def measure(notebook: nbformat.NotebookNode, seconds: float) -> None:
    """Write how long the notebook takes into its metadata and its opening cell; in place.

    The minutes are those of a reading aloud, exercises apart: prose at 130 words a minute,
    5 s for a line of code, 20 s for an output, 30 s more for a figure, and the measured
    seconds of execution.

    Raises:
        ValueError: The opening cell has no line "Minutes: ...".
    """
    prose = " ".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    code = [c for c in notebook.cells if c.cell_type == "code"]
    lines = sum(bool(line.strip()) for c in code for line in c.source.splitlines())
    outputs = sum(bool(c.outputs) for c in code)
    figures = sum("image/png" in o.get("data", {}) for c in code for o in c.outputs)
    reading = (
        60 * len(prose.split()) / WORDS_PER_MINUTE
        + SECONDS_PER_LINE * lines
        + SECONDS_PER_OUTPUT * outputs
        + SECONDS_PER_FIGURE * figures
        + seconds
    )
    minutes = max(5, 5 * round(reading / 300))
    runs = max(10, -(-seconds // 10) * 10)
    notebook.metadata["minutes"] = minutes
    sentence = f"Minutes: {minutes}, exercises apart; all cells run in about {runs:.0f} seconds."
    opening, found = re.subn(r"Minutes: .*", sentence, notebook.cells[0].source)
    if not found:
        raise ValueError("the first cell has no line 'Minutes: ...' to fill in")
    notebook.cells[0].source = opening


def readme_table(recorded: dict[Path, nbformat.NotebookNode] | None = None) -> str:
    """Make README's table of notebooks from the notebooks themselves.

    Args:
        recorded: Notebooks about to be written, by path; the others are read.
    """
    rows = [
        "| | Notebook | The question it answers | Minutes |",
        "| --- | --- | --- | --- |",
    ]
    for path in discover():
        notebook = (recorded or {}).get(path) or nbformat.read(path, as_version=4)
        title, question = _title(notebook), _question(notebook)
        minutes = notebook.metadata.get("minutes", "?")
        link = f"[{title}](notebooks/{path.name})"
        rows.append(f"| {path.stem[:2]} | {link} | {question} | {minutes} |")
    return "\n".join(rows)


def with_table(readme: str, rows: str) -> str:
    """Put `rows` between the two marks in README's text.

    Raises:
        ValueError: The marks are not there.
    """
    marks = "<!-- notebooks: written by make record -->", "<!-- end of notebooks -->"
    if not all(mark in readme for mark in marks):
        raise ValueError(f"README.md has lost its marks {' and '.join(marks)}")
    head, _, rest = readme.partition(marks[0])
    return f"{head}{marks[0]}\n{rows}\n{marks[1]}{rest.partition(marks[1])[2]}"


def handout() -> int:
    """Write notebooks without solutions and outputs to build/handout/."""
    folder = BUILD / "handout"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in discover():
        nbformat.write(
            without_solutions(nbformat.read(path, as_version=4)), folder / path.name
        )
    print(
        "hand-outs: build/handout/ (copy them into notebooks/ of a checkout to run them)"
    )
    return 0


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop the cells tagged `solution` and every output; in place.

    Raises:
        ValueError: There is no solution to drop.
    """
    kept = [c for c in notebook.cells if "solution" not in c.metadata.get("tags", [])]
    if len(kept) == len(notebook.cells):
        raise ValueError("no cell is tagged 'solution': is this one of our notebooks?")
    notebook.cells = kept
    for cell in notebook.cells:
        cell.source = cell.source.replace(" Solutions are folded below.", "")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m hf_tutorial.publish", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="execute every notebook into build/")
    recording = commands.add_parser("record", help="save outputs into notebooks/")
    recording.add_argument(
        "names", nargs="*", help="beginnings of names, such as 03; default all"
    )
    commands.add_parser("handout", help="copies without solutions into build/handout/")
    options = parser.parse_args(arguments)
    if options.command == "record":
        return record(options.names)
    return run() if options.command == "run" else handout()


if __name__ == "__main__":
    sys.exit(main())
