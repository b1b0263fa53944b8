"""Markdown, taken apart: the blocks of a cell, the sentences of a paragraph, both as HTML."""

import base64
import html
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import mistune
from nbformat import NotebookNode

KINDS = {
    "heading": r"#{1,6} ",
    "fence": r"```|~~~",
    "table": r"\|",
    "list": r"(?:[-*+]|\d+[.)]) ",
    "quote": r">",
    "image": r"!\[",
    "rule": r"(?:---+|\*\*\*+)$",
}
SENTENCE = re.compile(r"(?<=[.!?:])(?P<close>[\"”’)*_]*)\s+(?=[\"“‘(*_`]*[^\sa-z])")
CODE = re.compile(r"`[^`]+`")
CAPTION = re.compile(r"\*Figures? \d+\.\d+.*\*$", flags=re.S)
IMAGE = re.compile(r"""(<img\b[^>]*?\s)src=(["'])(.*?)\2""", flags=re.S | re.I)
_render = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


@dataclass(frozen=True)
class Block:
    """A piece of Markdown between blank lines: what it is, and its text."""

    kind: str  # "paragraph", "caption" or one of KINDS
    text: str

    @property
    def level(self) -> int:
        """How deep a heading is: 1 for the title."""
        return len(self.text) - len(self.text.lstrip("#"))

    @property
    def title(self) -> str:
        """The words of a heading."""
        return self.text.lstrip("#").strip()


def blocks(source: str) -> list[Block]:
    """Cut the source of a Markdown cell at its blank lines; code in fences stays whole."""
    found, lines, fence = [], [], ""
    for line in [*source.splitlines(), ""]:
        mark = line.strip()[:3]
        if fence or mark in ("```", "~~~"):
            lines.append(line)
            if fence and mark == fence:
                fence = ""
            elif not fence:
                fence = mark
        elif line.strip():
            if lines and (_kind(line) == "heading" or _kind(lines[0]) == "heading"):
                found.append(_block(lines))  # a heading needs no blank line
                lines = []
            lines.append(line)
        elif lines:
            found.append(_block(lines))
            lines = []
    return [*found, _block(lines)] if any(line.strip() for line in lines) else found


def _kind(line: str) -> str:
    for kind, pattern in KINDS.items():
        if re.match(pattern, line.lstrip()):
            return kind
    return "paragraph"


def _block(lines: list[str]) -> Block:
    text = "\n".join(lines).strip()
    kind = _kind(lines[0])
    return Block("caption" if CAPTION.fullmatch(text) else kind, text)


def sentences(text: str) -> list[str]:
    """Cut a paragraph into sentences; full stops in code end none."""
    text = " ".join(text.split())
    hidden = CODE.sub(lambda code: "x" * len(code[0]), text)
    found, start = [], 0
    for end in SENTENCE.finditer(hidden):
        found.append(text[start : end.end("close")])
        start = end.end()
    return [*found, text[start:]]


def words(text: str) -> int:
    """Count words, as they are read aloud."""
    return len(text.split())


def shown(text: str) -> str:
    """Give what a reader sees of Markdown within a line: no marks, no addresses."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`]+", "", text)


def as_html(text: str) -> str:
    """Render Markdown; links to notebooks lead to their decks.

    Args:
        text: Markdown; HTML in it is shown as it is written, not interpreted.
    """
    made = _render(text)
    return re.sub(r'href="([\w%.-]+)\.ipynb(?:#[^"]*)?"', r'href="\1.html"', made)


def inline(text: str) -> str:
    """Render one paragraph without the element around it."""
    return as_html(text).strip().removeprefix("<p>").removesuffix("</p>")


def with_attachments(cell: NotebookNode) -> str:
    """Give the source of a cell with the pictures that are attached to it put inside."""

    def attached(found: re.Match) -> str:
        held = cell.get("attachments", {}).get(unquote(found[2]), {})
        kind, data = next(iter(held.items()), ("", ""))
        return f"{found[1]}data:{kind};base64,{data}" if held else found[0]

    return re.sub(r"(\]\()attachment:([^()\s]+)", attached, cell.source)


def with_pictures(made: str, folder: Path | None) -> str:
    """Put the pictures that HTML names by a path into it; of others the alt text is shown.

    Args:
        made: HTML, which then asks for no picture.
        folder: Where the pictures lie; None if nowhere.
    """
    return IMAGE.sub(lambda found: found[1] + _embedded(found[3], folder), made)


def _embedded(source: str, folder: Path | None) -> str:
    if source.startswith("data:"):
        return f'src="{source}"'
    path = (folder or Path()) / unquote(html.unescape(source))
    kind = mimetypes.guess_type(path.name)[0] or ""
    try:
        if folder is None or not kind.startswith("image/"):
            raise FileNotFoundError
        data = base64.b64encode(path.read_bytes()).decode()
    except (OSError, ValueError):
        return f'data-missing="{source}"'
    return f'src="data:{kind};base64,{data}"'
