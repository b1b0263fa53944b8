"""The cells of a notebook, or of a Markdown page, as HTML: nbconvert, with links of our own."""

import base64
import copy
import html
import importlib.resources
import mimetypes
import re

import jinja2
from nbconvert import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode

from hf_tutorial.publish.executing import plain
from hf_tutorial.publish.lecture import prose
from hf_tutorial.publish.reading.places import Links, Page, slug

TERM = re.compile(r"<strong>(.+?)</strong>(?=.)", flags=re.S)


class Bodies(HTMLExporter):
    """Turns cells into HTML; `body` is the one method to call.

    nbconvert reads every page a second time to put a text of its own into pictures that have
    none, and cleans highlighted code, which is clean. Both are left out, for half of the time:
    a picture without a text is a fault, see `survey`.
    """

    def __init__(self, links: Links):
        """Take the addresses that links lead to from `links`."""
        self.links, self.page, self.anchors = links, None, set()
        template = importlib.resources.files("hf_tutorial") / "page"
        super().__init__(
            template_name=template.name,
            extra_template_basedirs=[str(template.parent)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )

    def body(self, page: Page) -> str:
        """Give the HTML of all cells; without anything around it."""
        self.page, self.anchors = page, set()
        self.headings = (
            set()
        )  # their anchors are theirs, even below an entry of that name
        if not page.numbered:
            found = prose.blocks(page.notebook.cells[0].source)
            self.headings = {slug(b.title) for b in found if b.kind == "heading"}
        made, _ = self.from_notebook_node(_for_page(page.notebook))
        return made

    def from_notebook_node(self, nb, resources=None, **options):
        """Do what HTMLExporter does, but for reading the result once more."""
        resources = self._init_resources(resources)
        language = nb.metadata.get("language_info", {}).get("name", "python")
        self.register_filter(
            "highlight_code", Highlight2HTML(pygments_lexer=language, parent=self)
        )
        types = WidgetsDataTypeFilter(
            notebook_metadata=nb.metadata, parent=self, resources=resources
        )
        self.register_filter("filter_data_type", types)
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)

    @jinja2.pass_context
    def markdown2html(self, context, source):
        """Render Markdown as nbconvert does, headings, links and pictures apart."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _Renderer(self, attachments)
        return MarkdownWithMath(renderer=renderer).render(source)


class _Renderer(IPythonRenderer):
    """Writes the HTML of one Markdown cell."""

    def __init__(self, exporter: Bodies, attachments: dict):
        super().__init__(escape=False, attachments=attachments)
        self.exporter = exporter

    def heading(self, text: str, level: int, **attrs) -> str:
        """Give a heading the anchor that links to it use: GitHub's, or JupyterLab's."""
        words = _words(text)
        anchor = words.replace(" ", "-") if self.exporter.page.numbered else slug(words)
        anchor = html.escape(self._new(anchor))
        return (
            f'<h{level} id="{anchor}">{text}<a class="anchor-link" href="#{anchor}"'
            f' aria-hidden="true" tabindex="-1"></a></h{level}>\n'
        )

    def paragraph(self, text: str) -> str:
        """Give an entry, which opens with its word in bold, an anchor, as in the glossary."""
        word = TERM.match(text)
        if not word or self.exporter.page.numbered:
            return super().paragraph(text)
        anchor = slug(_words(word[1]).rstrip("."))
        taken = anchor in self.exporter.headings
        anchor = html.escape(self._new(f"entry-{anchor}" if taken else anchor))
        return f'<p id="{anchor}">{text}</p>\n'

    def _new(self, anchor: str) -> str:
        """Tell headings of the same words apart, as GitHub does."""
        new, count = anchor, 0
        while new in self.exporter.anchors:
            count += 1
            new = f"{anchor}-{count}"
        self.exporter.anchors.add(new)
        return new

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Lead from page to page."""
        target = self.exporter.links.target(url, self.exporter.page)
        return super().link(text, target, title)

    def _embed_image_or_attachment(self, src: str) -> str:
        """Put a picture of the repository into the page, wherever it lies."""
        file = self.exporter.links.image(src, self.exporter.page)
        attached = src.removeprefix("attachment:")
        if attached != src and attached not in self.attachments:
            return src  # nbconvert would raise; `survey` names it
        if file is None:
            return super()._embed_image_or_attachment(src)
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _words(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def _for_page(notebook: NotebookNode) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["folded"] = "solution" in cell.metadata.get("tags", [])
            for output in cell.outputs:
                if output.output_type == "error":  # our own short form; see start()
                    output.traceback = [plain(line) for line in output.traceback]
    return notebook
