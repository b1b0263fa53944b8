"""Pages to read: each notebook executed into build/, as HTML that loads nothing from outside."""

import copy
import html
import importlib.resources
import re
import sys
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from hf_tutorial import collection
from hf_tutorial.publish.executing import Execution, execute, plain, table
from hf_tutorial.publish.writing import ensure_writable, replacing

NAME = "Hugging Face, top to bottom"


def run(root: Path = collection.ROOT) -> int:
    """Execute all notebooks into build/, with a page for each and an index.

    Returns:
        The exit status: 1 when a notebook failed or the pages could not be written.
    """
    folder = root / "notebooks"
    ensure_writable(root / "build")
    executions = execute(collection.discover(folder))
    print(table(executions))
    if others := [path.name for path in collection.left_alone(folder)]:
        print(f"left alone, as not called NN_topic.ipynb: {', '.join(others)}")
    try:
        _write(executions, root)
    except OSError as error:
        print(f"no pages written to build/pages/: {error}", file=sys.stderr)
        return 1
    print("pages: build/pages/index.html")
    return int(any(e.failure for e in executions))


def _write(executions: list[Execution], root: Path) -> None:
    done = [(e.path, e.notebook) for e in executions if e.notebook]
    with replacing(root / "build" / "notebooks") as folder:
        for path, notebook in done:
            nbformat.write(notebook, folder / path.name)
    sheets = sorted((root / "notebooks").glob("*.md"))
    with replacing(root / "build" / "pages") as folder:
        write_pages(done, folder, sheets)


def write_pages(
    notebooks: list[tuple[Path, NotebookNode]], folder: Path, sheets: list[Path] = ()
) -> None:
    """Write one HTML page per notebook and an index; nothing in them is loaded from outside.

    Args:
        notebooks: In reading order; the name of the file stands in for a missing title.
        folder: Where to; it exists.
        sheets: Markdown pages, such as a glossary, which become pages as well.
    """
    titles = [(_page(path), _title(path, notebook)) for path, notebook in notebooks]
    beside = [(path, _sheet(path)) for path in sheets]
    pages = [(path, sheet, {}) for path, sheet in beside]
    for place, (path, notebook) in enumerate(notebooks):
        neighbours = {
            "before": titles[place - 1] if place else None,
            "after": titles[place + 1] if place + 1 < len(titles) else None,
        }
        pages.append((path, _for_page(notebook), neighbours))
    template = importlib.resources.files("hf_tutorial") / "page"
    style = (template / "style.css").read_text(encoding="utf-8")
    style += HtmlFormatter(style="xcode").get_style_defs(".highlight")
    with importlib.resources.as_file(template) as here:
        exporter = HTMLExporter(
            template_name=here.name,
            extra_template_basedirs=[str(here.parent)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            embed_images=True,
        )
        for path, notebook, neighbours in pages:
            metadata = {"name": _title(path, notebook), "path": str(path.parent)}
            resources = {"metadata": metadata, "style": style, **neighbours}
            body, _ = exporter.from_notebook_node(notebook, resources)
            page = folder / f"{path.stem}.html"
            page.write_text(_local_links(body), encoding="utf-8")
    index = _index(notebooks, beside, style)
    (folder / "index.html").write_text(index, encoding="utf-8")


def _index(notebooks: list, sheets: list, style: str) -> str:
    rows = "".join(
        f'<li value="{int(path.stem[:2])}">'
        f'<a href="{_page(path)}">{_title(path, notebook)}</a><br>'
        f"{html.escape(collection.question(notebook) or '')}</li>"
        for path, notebook in notebooks
    )
    beside = " · ".join(
        f'<a href="{_page(path)}">{_title(path, sheet)}</a>' for path, sheet in sheets
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{NAME}</title><style>{style}</style>"
        f'<main><h1>{NAME}</h1><ol class="index">{rows}</ol><p>{beside}</p></main>'
    )


def _page(path: Path) -> str:
    return quote(f"{path.stem}.html")


def _title(path: Path, notebook: NotebookNode) -> str:
    return html.escape(collection.title(notebook) or path.stem)


def _for_page(notebook: NotebookNode) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["folded"] = "solution" in cell.metadata.get("tags", [])
            for output in cell.outputs:
                if output.output_type == "error":  # our own short form; see start()
                    output.traceback = [plain(line) for line in output.traceback]
    return notebook


def _sheet(path: Path) -> NotebookNode:
    """Read a Markdown page as a notebook of one cell."""
    text = path.read_text(encoding="utf-8")
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def _local_links(body: str) -> str:
    body = body.replace('href="../README.md"', 'href="index.html"')
    return re.sub(r'href="([\w%.-]+)\.(?:ipynb|md)(?=["#])', r'href="\1.html', body)
