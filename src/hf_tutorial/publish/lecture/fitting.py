"""What stands on a slide, piece by piece, packed into frames that the hall sees one by one.

Heights are reckoned here for the widest of the usual monospaced fonts; a test measures them in
a browser. A piece that fits no frame is cut where a statement begins.
"""

from __future__ import annotations

import base64
import html
import io
import re
import textwrap
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from nbformat import NotebookNode
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from hf_tutorial.publish.executing import plain
from hf_tutorial.publish.lecture import prose
from hf_tutorial.publish.lecture.outline import Slide, Turn
from hf_tutorial.publish.lecture.prose import Block

WIDTH, HEIGHT = 1192, 606  # of what lies below a slide's title
GAP = 12
SIZES = (
    32,
    30,
    28,
    26,
    24,
    22,
    20,
)  # of code, in pixels; 20 is what the last row can read
LINE = 1.28  # line height of code, in sizes
LETTER = 0.605  # width of a letter of code, in sizes
INSIDE = (36, 22)  # padding of a box of code, across and down
TEXT_LINE, TEXT_LETTER = 36, 13.2
LONGEST = 900  # letters of a line
TALLEST, LARGER = 500, 1.6  # of a picture: pixels, and times its own size
WIDGET = "Sliders appear here when the notebook runs in Jupyter."


@dataclass
class Piece:
    """One thing on a slide, and how high it is; code and text know their lines."""

    kind: str  # "lead", "code", "text", "error", "figure", "table", "prose"
    html: str = ""
    height: float = 0.0
    lines: list[str] = field(default_factory=list)  # of HTML
    plain: list[str] = field(default_factory=list)  # the same, as letters
    head: str = ""  # of a table, in Markdown
    items: list[tuple[str, float]] = field(default_factory=list)  # its rows and heights
    fills: bool = False  # takes what room there is
    waits: bool = True  # for a key, where it is not the first in its frame

    def sized(self, size: int) -> Piece:
        """Give the same piece in code of another size."""
        if not self.lines:
            return self
        rows = sum(_rows(line, size) for line in self.plain)
        body = "\n".join(self.lines)
        made = f'<pre class="{self.kind}" style="font-size:{size}px">{body}</pre>'
        return replace(self, html=made, height=rows * size * LINE + INSIDE[1] + 2)


def _rows(line: str, size: int) -> int:
    fit = max(1, int((WIDTH - INSIDE[0]) / (size * LETTER)))
    if _width(line) <= fit:
        return 1
    wide = "".join(letter * (1 + _is_wide(letter)) for letter in line)
    return len(textwrap.wrap(wide, fit, drop_whitespace=False, break_on_hyphens=False))


def _width(line: str) -> int:
    """Count columns; Chinese letters and pictures take two."""
    return len(line) + sum(map(_is_wide, line))


def _is_wide(letter: str) -> bool:
    return ord(letter) > 0x2E7F


def frames(slide: Slide) -> list[list[Piece]]:
    """Pack what a slide shows into frames: one, if its code can be made small enough."""
    pieces = [piece for turn in slide.turns for piece in pieces_of(turn)]
    if slide.kind == "exercise":  # a starter says nothing but that it was not attempted
        last = max(i for i, piece in enumerate(pieces) if piece.kind == "code")
        pieces = [replace(piece, waits=False) for piece in pieces[: last + 1]]
    return packed(pieces)


def packed(pieces: list[Piece], room: int = HEIGHT) -> list[list[Piece]]:
    """Put pieces into as few frames as it takes, in the largest code that does it."""
    for wraps in (False, True):
        for size in SIZES if not wraps else SIZES[-1:]:
            made = [piece.sized(size) for piece in pieces]
            if _total(made) <= room and (wraps or _all_lines_fit(pieces, size)):
                return [made] if made else []
    smallest = SIZES[-1]
    parts = []
    for piece in pieces:
        above = parts[-1] if parts and parts[-1].kind == "lead" else None
        first = room - above.height - GAP if above else room
        parts += _parts(piece, smallest, room, first)
    found: list[list[Piece]] = [[]]
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        need = part.height
        if part.kind == "lead" and after is not None:  # it stays with its code
            need += GAP + after.height
        if found[-1] and _total(found[-1]) + GAP + need > room:
            found.append([])
        found[-1].append(part)
    return [_enlarged(frame, room) for frame in found if frame]


def _enlarged(frame: list[Piece], room: int) -> list[Piece]:
    """Give the code of a frame the largest size that it has room for."""
    for size in SIZES:
        made = [piece.sized(size) for piece in frame]
        if _total(made) <= room and _all_lines_fit(frame, size):
            return made
    return frame


def _total(pieces: list[Piece]) -> float:
    return sum(p.height for p in pieces) + GAP * max(0, len(pieces) - 1)


def _all_lines_fit(pieces: list[Piece], size: int) -> bool:
    """Tell whether no line is broken that the smallest size would leave whole."""
    return all(
        _rows(line, size) == 1 or _rows(line, SIZES[-1]) > 1
        for piece in pieces
        if piece.kind in ("code", "text")
        for line in piece.plain
    )


def _parts(piece: Piece, size: int, room: int, first: float) -> list[Piece]:
    """Cut code or text that no frame can hold, where a statement begins if there is one.

    Args:
        piece: What is to be cut.
        size: Of its letters.
        room: Of a frame.
        first: What the first frame has left below the words that announce the piece.
    """
    whole = piece.sized(size)
    if whole.height <= first or not (whole.lines or len(whole.items) > 1):
        return [whole]
    if whole.items:
        return _some_items(whole, room)
    parts, start = [], 0
    while start < len(piece.plain):
        end, rows = start, 0.0
        while end < len(piece.plain):
            rows += _rows(piece.plain[end], size)
            limit = room if start else first
            if rows * size * LINE + INSIDE[1] + 2 > limit and end > start:
                break
            end += 1
        if end < len(piece.plain):
            if piece.kind == "code":
                half = max(1, (end - start) // 2)  # a part has a line at least
                end = _least_indented(piece.plain, start + half, end)
        last = end  # blank lines at a cut are left out
        while last > start + 1 and not piece.plain[last - 1].strip():
            last -= 1
        lines, letters = piece.lines[start:last], piece.plain[start:last]
        parts.append(replace(piece, lines=lines, plain=letters).sized(size))
        start = end
    return parts


def _least_indented(lines: list[str], start: int, end: int) -> int:
    """Find where to cut code: before the outermost statement, the last of them."""
    begins = [
        (len(lines[i]) - len(lines[i].lstrip()), -i)
        for i in range(start, end + 1)
        if re.match(r"\s*(?!(?:elif|else|except|finally)\b)[^\s)\]}]", lines[i])
    ]
    return -min(begins)[1] if begins else end


def _some_items(piece: Piece, room: int) -> list[Piece]:
    """Share the rows of a table, or the points of a list, evenly among few frames."""
    count = -(-piece.height // room)
    each = max(piece.height / count, max(height for _, height in piece.items))
    groups = _groups(piece.items, each)
    while len(groups) > count and each < room:
        each = min(
            room, each * 1.05
        )  # or the last rows would make a table of their own
        groups = _groups(piece.items, each)
    return [_of_items(piece.kind, piece.head, group) for group in groups]


def _groups(
    items: list[tuple[str, float]], most: float
) -> list[list[tuple[str, float]]]:
    groups: list[list[tuple[str, float]]] = [[]]
    for item in items:
        if groups[-1] and sum(height for _, height in [*groups[-1], item]) > most:
            groups.append([])
        groups[-1].append(item)
    return groups


def _of_items(kind: str, head: str, items: list[tuple[str, float]]) -> Piece:
    made = prose.as_html(head + "\n".join(text for text, _ in items))
    height = sum(height for _, height in items) + (47 if head else 0)
    return Piece(kind, made, height, head=head, items=items, waits=False)


def pieces_of(turn: Turn) -> list[Piece]:
    """List what is shown for a cell: the words before it, code, outputs, captions."""
    found = [piece_of(block) for block in turn.blocks]
    if turn.lead:
        found.append(words(prose.inline(turn.lead), prose.shown(turn.lead), "lead"))
    if turn.cell is None:
        return found
    found.append(replace(code(turn.cell.source), waits=bool(found) and not turn.lead))
    for output in turn.cell.get("outputs", []):
        found += pieces_of_output(output, turn.cell, turn.captions)
    return found


def piece_of(block: Block) -> Piece:
    """Show a block of Markdown."""
    if block.kind == "fence":
        lines = block.text.splitlines()[1:]
        return code(
            "\n".join(
                lines[:-1] if lines and lines[-1][:3] in ("```", "~~~") else lines
            )
        )
    if block.kind == "table":
        head, rows = block.text.splitlines()[:2], block.text.splitlines()[2:]
        shares = _shares([head[0], *rows])
        items = [(row, _row_height(row, shares)) for row in rows]
        return _of_items("table", "\n".join([*head, ""]), items)
    if block.kind == "image":
        made = prose.as_html(block.text)
        return Piece("figure", made, TALLEST, fills=True)
    if block.kind == "list":
        points = re.split(r"^(?=(?:[-*+]|\d+[.)]) )", block.text, flags=re.M)
        found = [point.rstrip("\n") for point in points if point.strip()]
        items = [(p, _text_rows(prose.shown(p)) * TEXT_LINE + 12.0) for p in found]
        return _of_items("prose", "", items)
    return replace(
        words(prose.inline(block.text), prose.shown(block.text), "prose"), waits=False
    )


def words(made: str, seen: str, kind: str) -> Piece:
    """Show a paragraph: as HTML, and as the letters that a reader sees."""
    return Piece(
        kind, f'<p class="{kind}">{made}</p>', _text_rows(seen) * TEXT_LINE + 4
    )


def _text_rows(seen: str) -> int:
    return -(-len(" ".join(seen.split())) // int(WIDTH / TEXT_LETTER)) or 1


def _cells(row: str) -> list[int]:
    """Give the lengths of a row's cells, as they are read."""
    cells = re.split(r"(?<!\\)\|", row.strip().strip("|"))
    return [len(prose.shown(cell).strip()) for cell in cells]


def _shares(rows: list[str]) -> list[float]:
    """Divide a table's width among its columns as browsers do, about by their longest cells."""
    longest = [max(lengths) for lengths in zip_longest(*map(_cells, rows), fillvalue=0)]
    least = sum(longest) / len(longest) / 3
    wide = [max(length, least, 1) for length in longest]
    return [WIDTH * one / sum(wide) for one in wide]


def _row_height(row: str, shares: list[float]) -> float:
    """Reckon a row of a table whose columns have these widths."""
    lines = [
        -(-length * 12.6 // (share - 20)) or 1
        for length, share in zip(_cells(row), shares, strict=False)
    ]
    return max(lines) * 30 + 17


def code(source: str) -> Piece:
    """Show Python, coloured."""
    source = _shortened(source.expandtabs())
    made = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    lines = made.rstrip("\n").split("\n")
    return Piece("code", lines=lines, plain=source.rstrip("\n").split("\n"))


def _shortened(text: str) -> str:
    """Cut lines that would fill a frame alone, and say how much is left out."""
    return "\n".join(
        line
        if len(line) <= LONGEST
        else f"{line[:LONGEST]} … {len(line) - LONGEST:,} more letters"
        for line in text.split("\n")
    )


def _text(text: str, kind: str) -> Piece:
    lines = _shortened(plain(text).strip("\n").expandtabs()).split("\n")
    return Piece(kind, lines=[html.escape(line) for line in lines], plain=lines)


def pieces_of_output(
    output: NotebookNode, cell: NotebookNode, captions: list[str] = ()
) -> list[Piece]:
    """Show one output in the best of its forms."""
    if output.output_type == "stream":
        return [_text(output.text, "error" if output.name == "stderr" else "text")]
    if output.output_type == "error":
        return [
            _text(
                "\n".join(output.traceback) or f"{output.ename}: {output.evalue}",
                "error",
            )
        ]
    data = output.get("data", {})
    for mime in ("image/png", "image/jpeg"):
        if mime in data:
            return [_figure("".join(data[mime].split()), mime, cell, captions)]
    said = data.get("text/plain", "")
    if "text/html" in data:
        rows = data["text/html"].count("<tr")
        made = f'<div class="html">{data["text/html"]}</div>'
        return [Piece("html", made, (rows or _text_rows(said)) * 38 + 24)]
    if said.startswith("interactive("):
        return [words(WIDGET, WIDGET, "prose")]
    return [_text(said, "text")] if said else []


def _figure(data: str, mime: str, cell: NotebookNode, captions: list[str]) -> Piece:
    """Show a picture with its caption, as large as the hall needs it and the width allows."""
    try:
        width, height = Image.open(io.BytesIO(base64.b64decode(data))).size
    except (OSError, ValueError):
        width, height = WIDTH, TALLEST  # damaged: its alt text is shown
    wide = WIDTH * height / width
    alt = html.escape(cell.metadata.get("alt", ""))
    below = " ".join(prose.inline(caption) for caption in captions)
    caption = f"<figcaption>{below}</figcaption>" if below else ""
    letters = len(prose.shown(" ".join(captions)))
    need = min(TALLEST, wide, LARGER * height) + 28 * (1 + letters // 95)
    made = (
        f'<figure><div><img src="data:{mime};base64,{data}" alt="{alt}"></div>'
        f"{caption}</figure>"
    )
    return Piece("figure", made, need, fills=True)
