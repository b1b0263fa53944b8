"""Figures of a reader's own text and model: their size, their fonts, their number types."""

import re
import string
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.path import Path

from hf_tutorial import figures
from hf_tutorial.figures import labels
from hf_tutorial.figures.canvas import INCHES, canvas

INVISIBLE = ["\u200d", "\xad", "\x00", "\u200b", "\n"]


def even(*shape):
    return np.full((*shape, shape[-1]), 1 / shape[-1])


def drawn(figure):
    """Draw it, and take any warning for a fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()
    return figure


# Size: what is too large is refused, and the call in the message is one that works.

TOO_LARGE = {
    "attention_grid": ({"weights": even(6, 12, 512), "tokens": ["tok"] * 512}, "41 tokens"),
    "attention_heads": (
        {"weights": even(2, 512), "tokens": ["tok"] * 512, "titles": ["a", "b"]},
        "100 tokens",
    ),
    "head_map": ({"values": np.ones((200, 300)), "unit": "bits"}, "61 heads and 40 layers"),
    "token_boxes": ({"rows": {"a": ["word"] * 2000, "b": ["x"]}}, "74 tokens in a row"),
    "similarity_map": (
        {"similarity": np.eye(200), "texts": ["a text"] * 200}, "63 texts",
    ),
    "padding_picture": (
        {"masks": {"a": [np.ones((16, 9))] * 99}}, "27 batches in a panel",
    ),
    "bars": ({"panels": {"s": {n: 1.0 for n in range(500)}}}, "109 bars"),
    "speed_ups": (
        {"counts": [1, 2], "panels": {n: {"a": [1, 2]} for n in range(30)}}, "10 panels",
    ),
    "distributions": (
        {"panels": {"a": {n: 1 / 500 for n in range(500)}}}, "206 tokens",
    ),
    "beam_tree": (
        {"steps": [[(0, "a", -n - 1.0), (0, "b", -n - 1.5)] for n in range(90)], "width": 2},
        "26 steps",
    ),
    "conversation": ({"pieces": [("user", "a line\n")] * 500}, "70 pieces"),
}  # fmt: skip
# Of a fixed size, however much is drawn.
FIXED = {"course_map"}
CURVES = {
    "training_curves": {"learning_rates": np.ones(10**6), "losses": np.ones(10**6)},
    "two_runs": {
        "first": np.ones(10**6),
        "second": np.ones(10**6),
        "names": ("a", "b"),
    },
    "preferences": {"chosen": np.ones(10**6), "rejected": np.ones(10**6)},
    "loss_differences": {"runs": {"a": np.ones(10**6), "b": np.ones(10**6)}},
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_much_for_a_picture_is_refused_with_the_call_that_fits(name):
    inputs, fits = TOO_LARGE[name]
    with pytest.raises(
        ValueError, match=f"the most is 40 on a side.* {fits} fit"
    ) as refused:
        getattr(figures, name)(**inputs)
    call = str(refused.value).partition("as with ")[2]
    figure = eval(f"figures.{call}", {"figures": figures, **inputs})
    assert max(figure.get_size_inches()) <= INCHES
    if " and " in fits:
        return
    # And no smaller than it must be: one more would not fit.
    number = int(re.match(r"\d+", fits).group())
    more = re.sub(rf"\b{number}\b", str(number + 1), call)
    with pytest.raises(ValueError, match="fit: draw a part"):
        eval(f"figures.{more}", {"figures": figures, **inputs})


@pytest.mark.parametrize("name", CURVES)
def test_a_million_steps_are_refused_with_the_slice_that_fits(name):
    with pytest.raises(ValueError, match=r"100,000 can be drawn: .*losses\[::10\]"):
        getattr(figures, name)(**CURVES[name])


def test_every_figure_has_a_case_that_is_too_large():
    functions = {name for name in figures.__all__ if name.islower()}
    assert functions == {*TOO_LARGE, *FIXED, *CURVES}


def test_grid_of_24_layers_and_16_heads_is_drawn():
    weights = even(24, 16, 12)
    drawn(figures.attention_grid(weights, ["tok"] * 12))


def test_too_many_dots_an_inch_are_refused(monkeypatch):
    monkeypatch.setitem(figures.attention_grid.__globals__["canvas"].__globals__["matplotlib"].rcParams, "figure.dpi", 3000)  # fmt: skip
    with pytest.raises(ValueError, match="at 3000 dots.*rcParams.*= 100"):
        figures.two_runs([1], [1], ("a", "b"))


@pytest.mark.parametrize("inches", [(41, 1), (1, 41)])
def test_a_side_over_40_inches_never_becomes_a_figure(inches):
    with pytest.raises(ValueError, match="over 40 inches"):
        canvas({}, lambda: inches)


def test_one_long_token_is_shortened_in_its_middle():
    token = "start" + "x" * 5000 + "end"
    figure = drawn(figures.attention_heads(even(1, 2), [token, "a"], ["t" * 900]))
    (label, _) = figure.axes[0].get_yticklabels()
    assert re.fullmatch("startx+…x+end", label.get_text())
    assert len(label.get_text()) == labels.LONGEST
    assert max(figure.get_size_inches()) < 12
    assert (
        max(figures.attention_grid(even(1, 1, 2), [token, "a"]).get_size_inches()) < 12
    )
    assert max(figures.token_boxes({"x": [token]}).get_size_inches()) < 12


# Numbers


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_weights_of_a_model_in_half_precision_are_drawn(dtype):
    scores = torch.randn(2, 3, 50, 50, generator=torch.Generator().manual_seed(0))
    weights = scores.softmax(dim=-1).to(dtype)
    part, tokens = weights[:, :, :50, :50], ["t"] * 50
    figures.attention_heads(part[0].requires_grad_(), tokens, list("abc"))
    figures.attention_heads(part[0].float(), tokens, list("abc"))  # made float32 since
    figures.attention_heads(list(part[0]), tokens, list("abc"))
    figures.similarity_map(torch.eye(2, dtype=dtype) * 0.998, ["a", "b"])
    shares = dict(zip("abcdefgh", torch.full((8,), 0.1253, dtype=dtype), strict=True))
    figures.distributions({"x": shares})


def test_what_float32_cannot_have_rounded_is_refused():
    weights = torch.full((1, 4, 4), 0.25) * 1.006
    with pytest.raises(ValueError, match="one sums to 1.01"):
        figures.attention_heads(weights, list("abcd"), ["x"])
    figures.attention_heads(weights.bfloat16(), list("abcd"), ["x"])


def test_a_part_of_the_keys_may_be_drawn():
    weights = even(1, 1, 8)[..., :4, :4]
    assert weights.sum(axis=-1).max() == 0.5
    figures.attention_grid(weights, list("abcd"))


@pytest.mark.parametrize(
    "wrap",
    [list, np.asfortranarray, lambda x: x.astype("float16"), lambda x: x[::-1][::-1],
     lambda x: pd.DataFrame(x), lambda x: torch.tensor(x, requires_grad=True),
     lambda x: torch.tensor(x).to_sparse(), lambda x: torch.tensor(x).T.contiguous().T],
)  # fmt: skip
def test_numbers_may_come_in_any_wrapping(wrap):
    values = np.array([[0.25, 0.5], [0.125, 1.0]])
    texts = figures.head_map(wrap(values), "share").axes[0].texts
    assert [text.get_text() for text in texts] == ["0.25", "0.50", "0.12", "1.00"]
    assert values[0, 0] == 0.25


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "must be numbers.*not NoneType"),
        ("0.5", "not the text '0.5'"),
        ([[1, 2], [3]], "rows of equal length"),
        ([["0.5", "1"]], "must be numbers"),
        ([[1j]], "must be numbers"),
        (torch.empty(2, 2, device="meta"), "must be numbers"),
        (np.array([["2026-11-28"]], dtype="datetime64[D]"), "must be numbers"),
        ([[1e200]], r"1e\+200: beyond 1e\+100"),
        (np.zeros((0, 4)), r"\(0, 4\) is not \(layers, heads\)"),
    ],
)
def test_what_are_no_numbers_is_refused_by_its_name(values, words):
    with pytest.raises(ValueError, match=words):
        figures.head_map(values, "bits")


def test_a_name_twice_is_refused():
    twice = pd.Series([1.0, 2.0], index=["a", "a"])
    with pytest.raises(ValueError, match=r"a name twice: \['a', 'a'\]"):
        figures.bars({"s": twice})


def test_losses_that_were_kept_as_tensors_are_drawn():
    losses = [torch.tensor(0.5, requires_grad=True), torch.tensor(0.4)]
    drawn(figures.training_curves(losses, [1e-3, 5e-4], {2: torch.tensor(0.3)}))


def test_a_loss_below_zero_is_in_the_picture():
    above, _ = figures.training_curves([1.0, -2.0], [0.1, 0.1]).axes
    assert above.get_ylim()[0] < -2


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0])
def test_training_curves_refuse_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match=f"learning rate of step 1 is {rate}"):
        figures.training_curves([1.0, 1.0], [0.1, rate])


# Labels


@pytest.mark.parametrize("token", INVISIBLE)
def test_a_sign_that_cannot_be_seen_is_written_as_its_code(token):
    code = token.encode("unicode_escape").decode()
    tokens = [token, f"a{token}"]
    axes = drawn(figures.attention_heads(even(1, 2), tokens, ["x"])).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == [code, f"a{code}"]
    drawn(figures.attention_grid(even(1, 1, 2), tokens))
    texts = drawn(figures.token_boxes({token: tokens})).axes[0].texts
    assert {text.get_text() for text in texts} == {code, f"a{code}", f"{code}: 2"}


def test_a_token_without_an_outline_leaves_an_empty_place_in_the_grid():
    axes = drawn(figures.attention_grid(even(1, 1, 3), ["", " ", "a"])).axes[0]
    rows, _ = (c for c in axes.collections if isinstance(c, PathCollection))
    assert [len(path.vertices) > 0 for path in rows.get_paths()] == [False, False, True]


@pytest.mark.parametrize("name", ["$x^$", r"$\frac$", "_hidden", "50$"])
def test_no_name_begins_a_formula_or_hides(name):
    shares = {name: 0.5, "b": 0.5}
    made = [
        figures.bars({name: shares}),
        figures.distributions({name: shares}),
        figures.head_map([[1]], name),
        figures.speed_ups([1, 2], {name: {name: [1, 2]}}),
        figures.beam_tree([[(0, name, -1.0), (0, name, -2.0)]], 1, root=name),
        figures.padding_picture({name: [[[1, 0]]]}),
    ]
    for figure in made:
        drawn(figure)
    legends = [
        figures.two_runs([1], [1], (name, "b")).axes[0].get_legend(),
        figures.loss_differences({name: [1], "b": [1]}).legends[0],
    ]
    for legend in legends:
        drawn(legend.figure)
        assert [text.get_text() for text in legend.get_texts()] == [name, "b"]


def test_ids_may_stand_for_tokens():
    axes = figures.attention_heads(even(1, 2), torch.tensor([101, 7]), ["x"]).axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["101", "7"]
    boxes = figures.token_boxes({"x": [101, 7]}, special=[101]).axes[0].patches
    assert [bool(box.get_hatch()) for box in boxes] == [True, False]


def test_special_ids_among_tokens_are_refused():
    with pytest.raises(ValueError, match="no row holds 101.*by their texts"):
        figures.token_boxes({"x": ["[CLS]", "a"]}, special=[101])
    figures.token_boxes(
        {"x": ["a"]}, special=["[MASK]", None]
    )  # none drawn, none there


@pytest.mark.parametrize(
    "tokens", ["ab", {"a", "b"}, {"a": 1, "b": 2}, [["a"], ["b"]], 5]
)
def test_tokens_that_are_no_list_are_refused(tokens):
    with pytest.raises(ValueError, match="tokens (are the text|must be a list|hold)"):
        figures.attention_heads(even(1, 2), tokens, ["x"])


def test_one_text_for_a_row_of_tokens_is_refused():
    with pytest.raises(
        ValueError, match="row 'words' are the text 'hello': pass a list"
    ):
        figures.token_boxes({"words": "hello"})


def test_columns_after_z_go_on_with_two_letters():
    axes = figures.similarity_map(np.eye(30), [f"text {n}" for n in range(30)]).axes[0]
    written = [text.get_text() for text in axes.get_xticklabels()]
    assert written == [*string.ascii_uppercase, "AA", "AB", "AC", "AD"]
    assert axes.get_yticklabels()[27].get_text() == "text 27  AB"


# Fonts


def font_with(signs: str, family: str, folder) -> str:
    """Write a font that has a square for each of the signs and nothing else."""

    def square():
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for corner in ((0, 700), (700, 700), (700, 0)):
            pen.lineTo(corner)
        pen.closePath()
        return pen.glyph()

    names = [f"g{ord(sign)}" for sign in signs]
    font = FontBuilder(1000)
    font.setupGlyphOrder([".notdef", *names])
    font.setupCharacterMap({ord(c): n for c, n in zip(signs, names, strict=True)})
    font.setupGlyf({name: square() for name in (".notdef", *names)})
    font.setupHorizontalMetrics({name: (800, 0) for name in (".notdef", *names)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(folder / f"{family}.ttf")
    return str(folder / f"{family}.ttf")


@pytest.fixture
def fonts(monkeypatch):
    """Let a test add fonts, and forget them and all warnings afterwards."""
    found = [entry for entry in font_manager.fontManager.ttflist
             if "DejaVu" in entry.name or "Last Resort" in entry.name]  # fmt: skip
    monkeypatch.setattr(font_manager.fontManager, "ttflist", found)
    monkeypatch.setattr(labels, "_told", set())
    labels._fonts_for.cache_clear()
    yield font_manager.fontManager
    labels._fonts_for.cache_clear()


CHINESE = ["中国", "中文"]


def test_chinese_tokens_get_a_font_that_has_them(fonts, tmp_path):
    fonts.addfont(font_with("中国文", "Squares", tmp_path))
    axes = drawn(figures.attention_heads(even(1, 2), CHINESE, ["x"])).axes[0]
    label = axes.get_yticklabels()[0]
    assert label.get_text() == "中国" and label.get_fontfamily()[-1] == "Squares"
    grid = drawn(figures.attention_grid(even(1, 1, 2), CHINESE)).axes[0]
    rows = next(c for c in grid.collections if isinstance(c, PathCollection))
    assert (rows.get_paths()[0].codes == Path.MOVETO).sum() == 2  # two squares
    drawn(figures.token_boxes({"中": CHINESE}))


def test_signs_are_collected_from_several_fonts(fonts, tmp_path):
    fonts.addfont(font_with("中", "First", tmp_path))
    fonts.addfont(font_with("文", "Second", tmp_path))
    (text,), style = labels.lettering(["中文"])
    assert text == "中文" and style["family"][1:] == ["First", "Second"]


def test_signs_that_no_font_has_are_told_once_and_stay_apart(fonts):
    with pytest.warns(
        UserWarning, match="no font on this machine has 中.*Noto"
    ) as warned:
        figure = figures.attention_heads(even(1, 2), CHINESE, CHINESE[:1])
        figures.token_boxes({"x": ["国家", "中"]})
    assert len(warned) == 1 and warned[0].filename == __file__
    written = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert written == [r"\u4e2d\u56fd", r"\u4e2d\u6587"]
    drawn(figure)  # and matplotlib has nothing to warn of


def test_another_script_is_told_once_more(fonts):
    with pytest.warns(UserWarning) as warned:
        for token in ("中", "国", "\N{SLIGHTLY SMILING FACE}", "\N{ROCKET}"):
            figures.token_boxes({"x": [token]})
    assert len(warned) == 2 and "U0001f642" in str(warned[1].message)


def test_a_font_that_cannot_be_read_is_passed_over(fonts, tmp_path):
    path = font_with("中", "Broken", tmp_path)
    fonts.addfont(path)
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    labels._fonts_for.cache_clear()
    with pytest.warns(UserWarning, match="no font on this machine"):
        labels.lettering(["中"])


def test_what_the_usual_font_has_changes_nothing():
    assert labels.lettering(["a", "é", "Ġthe"]) == (
        ["a", "é", "Ġthe"],
        {"parse_math": False},
    )


# Single figures


@pytest.mark.parametrize("counts", [[1, 4, 2], [1, 1], [1, 2.5], [1, float("inf")]])
def test_speed_ups_refuse_counts_that_do_not_rise(counts):
    with pytest.raises(ValueError, match="rise in whole numbers"):
        figures.speed_ups(counts, {"x": {}})


def test_similarity_beyond_one_is_refused():
    with pytest.raises(ValueError, match="the largest there is"):
        figures.similarity_map([[1, 3], [3, 1]], ["a", "b"])


@pytest.mark.parametrize(
    ("steps", "width", "words"),
    [
        ([[(0, "a", -1.0)]], 0, "width=0: pass how many beams"),
        ([[(0, "a", -1.0)]], None, "width is NoneType: pass a whole number"),
        ([[(0.5, "a", -1.0)]], 1, "a parent in step 1 is float"),
        ([[(0, "a")]], 1, "step 1 holds tuple of 2"),
        ([[(0, "a", float("nan"))]], 1, "log-probability nan"),
        ("abc", 1, "steps must be a list, not the text"),
    ],
)
def test_beam_tree_refuses_what_are_no_candidates(steps, width, words):
    with pytest.raises(ValueError, match=words):
        figures.beam_tree(steps, width)


# The package


def test_every_name_is_found_and_listed():
    for name in figures.__all__:
        assert getattr(figures, name) is not None and name in dir(figures)
    with pytest.raises(AttributeError, match="no attribute 'no_such_figure'"):
        getattr(figures, "no_such_figure")  # noqa: B009
