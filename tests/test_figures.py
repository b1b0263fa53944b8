"""Figures: what they draw, measured on the artists, and what they refuse."""

import io
import itertools
import re

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure

from hf_tutorial import figures, publish
from tests import guards

TOKENS = ["[CLS]", "a", "cat", "[SEP]"]


@pytest.fixture
def uniform_weights():
    return np.full((2, 3, 4, 4), 0.25)


def images(figure):
    return [image for axes in figure.axes for image in axes.images]


def drawn(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def test_grid_holds_every_head_once_with_gaps_between(uniform_weights):
    uniform_weights[1, 2] = np.eye(4)
    (mesh,) = [c for c in figures.attention_grid(uniform_weights, TOKENS).axes[0].collections
               if isinstance(c, QuadMesh)]  # fmt: skip
    canvas = np.ma.filled(mesh.get_array().reshape(9, 14), np.nan)
    assert np.array_equal(canvas[5:9, 10:14], np.eye(4))
    assert np.array_equal(canvas[:4, :4], uniform_weights[0, 0])
    assert np.isnan(canvas[4]).all() and np.isnan(canvas[:, 4]).all()


def test_grid_puts_the_first_query_on_top(uniform_weights):
    bottom, top = figures.attention_grid(uniform_weights, TOKENS).axes[0].get_ylim()
    assert bottom > top


def test_grid_labels_queries_of_each_layer_and_keys_of_each_head(uniform_weights):
    axes = figures.attention_grid(uniform_weights, TOKENS).axes[0]
    labels = [c for c in axes.collections if isinstance(c, PathCollection)]
    assert [len(c.get_offsets()) for c in labels] == [2 * 4, 3 * 4]
    texts = {text.get_text() for text in axes.texts}
    assert texts == {"head 0", "head 1", "head 2", "layer 0", "layer 1"}


def test_heads_share_one_colour_scale(uniform_weights):
    figure = figures.attention_heads(uniform_weights[0], TOKENS, ["x", "y", "z"])
    assert {image.get_clim() for image in images(figure)} == {(0, 1)}
    grid = figures.attention_grid(uniform_weights, TOKENS)
    assert grid.axes[0].collections[0].get_clim() == (0, 1)


@pytest.mark.parametrize(
    ("panels", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))]
)
def test_heads_are_laid_out_in_rows(panels, shape):
    weights = np.full((panels, 4, 4), 0.25)
    figure = figures.attention_heads(weights, TOKENS, [str(n) for n in range(panels)])
    places = [
        axes.get_subplotspec().get_geometry()[:2] for axes in figure.axes if axes.images
    ]
    assert set(places) == {shape} and len(places) == panels


def test_axes_say_who_attends_and_who_is_attended_to(uniform_weights):
    axes = figures.attention_heads(uniform_weights[0, :1], TOKENS, ["x"]).axes[0]
    assert axes.get_ylabel() == "query: the token attending"
    assert axes.get_xlabel() == "key: the token attended to"
    assert [label.get_text() for label in axes.get_yticklabels()] == TOKENS


def test_scores_before_softmax_are_refused(uniform_weights):
    with pytest.raises(
        ValueError, match="one sums to 8.00.*after softmax, from a model in eval mode"
    ):
        figures.attention_grid(uniform_weights * 8, TOKENS)


def test_negative_scores_that_sum_to_one_are_refused():
    scores = np.array([[[2.0, -1.0], [0.5, 0.5]]])
    with pytest.raises(ValueError, match="smallest value is -1.00"):
        figures.attention_heads(scores, ["a", "b"], ["x"])


def test_tokens_that_do_not_fit_are_counted(uniform_weights):
    with pytest.raises(ValueError, match="3 tokens cannot label a 4 x 4 grid") as told:
        figures.attention_grid(uniform_weights, TOKENS[:3])
    assert "convert_ids_to_tokens(batch['input_ids'][0])` has them all" in str(
        told.value
    )
    with pytest.raises(ValueError, match="4 tokens cannot label a 4 x 3 grid$"):
        figures.attention_grid(uniform_weights[..., :3], TOKENS)


def advice(call, *arguments):
    """Run what a message puts between backticks, and give it to the figure again."""
    with pytest.raises(ValueError, match="axes, not the") as told:
        call(*arguments)
    return re.search("`(.+)`", str(told.value))[1]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_wrong_number_of_axes_of_a_grid_is_named_with_what_to_pass(count):
    weights = np.full((2, 3, 3, 4, 4)[5 - count :], 0.25)
    given = tuple(map(torch.tensor, weights)) if count == 5 else weights
    way = advice(figures.attention_grid, given, TOKENS)
    names = {"torch": torch, "attentions": given, "weights": weights}
    drawn(figures.attention_grid(eval(way, names), TOKENS))


@pytest.mark.parametrize("count", [2, 4, 5])
def test_wrong_number_of_axes_of_heads_is_named_with_what_to_pass(count):
    weights = np.full((3, 2, 3, 4, 4)[5 - count :], 0.25)
    given = tuple(map(torch.tensor, weights)) if count == 5 else weights
    way = advice(figures.attention_heads, given, TOKENS, ["x"])
    names = {"torch": torch, "attentions": given, "weights": weights}
    found = eval(way, names)
    drawn(figures.attention_heads(found, TOKENS, ["x"] * len(found)))


def test_titles_must_fit_the_panels(uniform_weights):
    with pytest.raises(ValueError, match="2 titles cannot name 3 panels"):
        figures.attention_heads(uniform_weights[0], TOKENS, ["x", "y"])


def test_head_map_writes_every_number_in_its_place():
    figure = figures.head_map(np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), "bits")
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert texts[2, 1] == "5.00" and texts[1, 0] == "1.00" and len(texts) == 6
    assert images(figure)[0].get_clim() == (0, 5)
    assert figure.axes[1].get_ylabel() == "bits"


def test_head_map_refuses_anything_but_one_number_per_head(uniform_weights):
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\) is not \(layers, heads\)"):
        figures.head_map(uniform_weights, "bits")


def test_head_map_refuses_values_that_its_scale_would_hide():
    for values, limits in (([[-1.0, 1.0]], (0, 1)), ([[2.0]], (0, 1))):
        with pytest.raises(ValueError, match="do not fit the scale.*pass limits"):
            figures.head_map(np.array(values), "bits", limits=limits)
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="values hold nan or inf, which no colour"):
            figures.head_map([[value, 1.0]], "bits")


@pytest.mark.parametrize(
    "values", [[[-1.0, -0.2]], [[-0.3, 0.7]], [[-2, 0.0]], [[-1, 3]]]
)
def test_head_map_of_values_below_zero_says_which_limits_hold_them(values):
    with pytest.raises(
        ValueError, match=r"go down to -.*the scale begins at 0"
    ) as told:
        figures.head_map(values, "bits")
    limits = eval(re.search(r"limits=(\(.+\))", str(told.value))[1])
    assert (
        images(figures.head_map(values, "bits", limits=limits))[0].get_clim() == limits
    )


def test_texts_among_numbers_are_called_texts():
    with pytest.raises(ValueError, match="must be numbers .* not texts$"):
        figures.head_map([["a", "b"]], "bits")
    with pytest.raises(ValueError, match="must be numbers .* not texts$"):
        figures.head_map([[1, "b"]], "bits")
    with pytest.raises(ValueError, match="must be numbers .* not None among them"):
        figures.head_map([[1, None]], "bits")


@pytest.mark.parametrize("token", [" ", "", "$x$", "$", r"$\x$", "Ġthe"])
def test_any_token_can_be_a_label(token):
    tokens = ["[CLS]", token, "[SEP]"]
    drawn(figures.attention_grid(np.full((1, 1, 3, 3), 1 / 3), tokens))
    figure = figures.attention_heads(np.full((1, 3, 3), 1 / 3), tokens, ["x"])
    drawn(figure)
    assert figure.axes[0].get_xticklabels()[1].get_text() == token
    drawn(figures.token_boxes({"x": tokens}))


def test_token_boxes_refuses_one_text_as_special_tokens():
    with pytest.raises(ValueError, match="one text: pass a list"):
        figures.token_boxes({"x": TOKENS}, special="[CLS]")


def test_token_boxes_draws_and_counts_each_token():
    axes = figures.token_boxes({"letters": list("cat"), "words": ["cat"]}).axes[0]
    assert len(axes.patches) == 4
    assert {"letters: 3", "words: 1"} < {text.get_text() for text in axes.texts}


def test_token_boxes_hatches_special_tokens():
    axes = figures.token_boxes({"x": TOKENS}, special=["[CLS]", "[SEP]"]).axes[0]
    assert [bool(box.get_hatch()) for box in axes.patches] == [True, False, False, True]


def test_token_boxes_refuses_an_empty_row():
    with pytest.raises(ValueError, match="row 'words' has no tokens"):
        figures.token_boxes({"words": []})
    with pytest.raises(ValueError, match="no rows"):
        figures.token_boxes({})


def rectangles(axes, *, padding):
    """Corners and sizes of the hatched boxes of the batches, or of the runs of tokens."""
    return [
        (*patch.get_xy(), patch.get_width(), patch.get_height())
        for patch in axes.patches
        if bool(patch.get_hatch()) == padding
    ]


def test_padding_picture_fills_tokens_on_either_side_over_a_hatched_batch():
    axes = figures.padding_picture({"x": [[[1, 1, 0, 0], [0, 1, 1, 1]]]}).axes[0]
    assert rectangles(axes, padding=True) == [(0, 0, 4, 2)]
    assert rectangles(axes, padding=False) == [(0, 0, 2, 1), (1, 1, 3, 1)]
    bottom, top = axes.get_ylim()
    assert bottom > top  # the first row on top


def test_padding_picture_draws_all_panels_to_one_scale():
    wide, narrow = np.ones((2, 8)), np.ones((2, 3))
    figure = figures.padding_picture({"a": [wide], "b": [narrow, narrow]})
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 8)}
    figure.draw_without_rendering()
    row = {
        round(ax.bbox.height / abs(np.diff(ax.get_ylim())[0]), 3) for ax in figure.axes
    }
    assert max(row) - min(row) < 0.05 * max(row)


def test_padding_picture_keeps_batches_apart():
    axes = figures.padding_picture({"x": [np.ones((2, 3)), np.ones((1, 2))]}).axes[0]
    (_, first, _, rows), (_, second, *_) = rectangles(axes, padding=True)
    assert second > first + rows


def test_padding_picture_says_the_share_of_padding():
    figure = figures.padding_picture({"x": [[[1, 0], [1, 1]], [[1, 1, 1, 0]]]})
    assert figure.axes[0].get_title(loc="left") == "x: 8 positions, 25% padding"


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({}, "no batches"),
        ({"x": []}, "'x' has no batches"),
        ({"x": [[1, 1, 0]]}, r"shape \(3,\), not \(batch, sequence\)"),
        ({"x": [[[101, 102, 0]]]}, "holds 102.*input IDs show no padding"),
        ({"x": [[[float("nan"), 1]]]}, "1 and 0 only"),
    ],
)
def test_padding_picture_refuses_what_is_no_attention_mask(masks, message):
    with pytest.raises(ValueError, match=message):
        figures.padding_picture(masks)


def test_bars_start_at_zero_and_wear_their_numbers():
    figure = figures.bars({"MB": {"a": 1234.0, "b": 0.5}, "s": {"a": 2, "b": 0}})
    assert [axes.get_xlabel() for axes in figure.axes] == ["MB", "s"]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [1234, 0.5]
    assert all(axes.get_xlim()[0] == 0 for axes in figure.axes)
    assert [t.get_text() for t in figure.axes[0].texts] == ["1,234", "0.50"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top


def test_numbers_of_bars_are_written_out_around_a_hundred():
    values = {"a": 99.4, "b": 99.5, "c": 99.96, "d": 100, "e": 0.0123, "f": 9.96}
    figure = figures.bars({"%": values})
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said == ["99", "100", "100", "100", "0.012", "10"]


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "no bars"),
        ({"MB": {}}, "no bars"),
        ({"MB": {"a": 1}, "s": {"b": 1}}, r"'s' has the bars \['b'\], not \['a'\]"),
        ({"MB": {"a": -1}}, "'a' is -1 MB: a bar from 0"),
        ({"MB": {"a": float("nan")}}, "'a' is nan"),
    ],
)
def test_bars_refuse_what_a_length_cannot_show(panels, message):
    with pytest.raises(ValueError, match=message):
        figures.bars(panels)


LOSSES, RATES = [0.7, 0.6, 0.3, 0.2], [0.0, 2e-4, 1e-4, 5e-5]


def test_training_curves_draw_every_step_and_validation_where_it_was_made():
    above, below = figures.training_curves(LOSSES, RATES, {2: 0.5, 4: 0.25}).axes
    training, _, validation = above.lines
    assert training.get_xydata().tolist() == [[n, x] for n, x in enumerate(LOSSES)]
    assert validation.get_xydata().tolist() == [[2, 0.5], [4, 0.25]]
    assert below.lines[0].get_ydata().tolist() == RATES
    assert (above.get_ylabel(), below.get_ylabel()) == ("loss", "learning rate")
    assert below.get_xlabel() == "step" and above.get_shared_x_axes().joined(
        above, below
    )


def test_training_curves_start_at_zero_and_hold_the_highest_point():
    above, below = figures.training_curves(LOSSES, RATES, {4: 2.0}).axes
    assert above.get_ylim()[0] == below.get_ylim()[0] == 0
    assert above.get_ylim()[1] > 2 and below.get_ylim()[1] > max(RATES)


def test_training_curves_are_told_apart_without_colour():
    above = figures.training_curves(LOSSES, RATES, {4: 0.2}).axes[0]
    assert {line.get_linestyle() for line in above.lines} >= {"-", "--"}
    words = {text.get_text() for text in above.texts}
    assert words == {"training, one batch a point", "validation"}
    alone = figures.training_curves(LOSSES, RATES).axes[0]
    assert {text.get_text() for text in alone.texts} == {"training, one batch a point"}


@pytest.mark.parametrize(
    ("losses", "validation", "words"),
    [
        ([], {}, "no losses to draw"),
        ([0.7], {}, "1 losses and 4 learning rates"),
        ([0.7, float("nan"), 1, 1], {}, "loss of step 1 is nan: the run broke there"),
        ([0.7, 1, float("inf"), 1], {}, "loss of step 2 is inf"),
        (LOSSES, {5: 0.5}, "after 5 steps does not fit a run of 4"),
        (LOSSES, {4: float("nan")}, "a validation loss of nan"),
    ],
)
def test_training_curves_refuse_what_would_mislead(losses, validation, words):
    with pytest.raises(ValueError, match=words):
        figures.training_curves(losses, RATES, validation)


def test_two_runs_lie_on_one_another_and_the_difference_has_its_unit():
    figure = figures.two_runs(
        [0.7, 0.5, 0.6], [0.7, 0.5 + 3e-8, 0.6], ("loop", "other")
    )
    above, below = figure.axes
    assert [line.get_label() for line in above.lines] == ["loop", "other"]
    assert {line.get_marker() for line in above.lines} == {"o", "x"}
    low, high = above.get_ylim()
    assert 0.4 < low < 0.5 and 0.7 < high < 0.8  # around the data
    points = [line for line in below.lines if line.get_marker() == "."][0]
    assert np.allclose(points.get_ydata(), [0, 3, 0])
    dotted = [
        line.get_ydata()[0] for line in below.lines if line.get_linestyle() == ":"
    ]
    assert np.allclose(dotted, [-5.96, 5.96], atol=0.01)
    assert below.get_ylim()[0] == -below.get_ylim()[1]
    assert "10⁻⁸" in below.get_ylabel() and "2 of 3" in below.get_title()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([], [], "no losses"),
        ([1, 2], [1], "loop has 2 steps, other 1"),
        ([1, float("nan")], [1, 1], "loss of loop at step 1 is nan"),
        ([1, 1], [1, float("inf")], "loss of other at step 1 is inf"),
    ],
)
def test_two_runs_refuse_what_cannot_be_compared(first, second, words):
    with pytest.raises(ValueError, match=words):
        figures.two_runs(first, second, ("loop", "other"))


def test_similarity_map_writes_each_value_and_letters_the_texts():
    axes = figures.similarity_map(
        [[1, 0.5, -0.001], [0.5, 1, 0.2], [-0.001, 0.2, 1]], ["ant", "bee", "$cat"]
    ).axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert (texts[0, 1], texts[1, 2], texts[2, 2]) == ("0.50", "0.20", "1.00")
    assert texts[0, 2] == "0.00"  # and no minus before it
    assert (1, 0) not in texts  # each pair once
    assert [t.get_text() for t in axes.get_xticklabels()] == ["A", "B", "C"]
    assert axes.get_yticklabels()[1].get_text() == "bee  B"
    assert axes.images[0].get_clim() == (0, 1)


@pytest.mark.parametrize(
    ("similarity", "words"),
    [
        ([[1, 0.5]], r"2 texts cannot label the shape \(1, 2\)"),
        ([[4, 2], [2, 4]], "divide each vector by its length"),
        ([[1, 0.5], [0.1, 1]], "the same both ways"),
        ([[1, float("nan")], [float("nan"), 1]], "the same both ways"),
    ],
)
def test_similarity_map_refuses_what_are_no_cosines(similarity, words):
    with pytest.raises(ValueError, match=words):
        figures.similarity_map(similarity, ["ant", "bee"])


PIECES = [
    ("template", "User: "), ("user", "Hello"), ("template", "\n"),
    ("template", "Bot:"), ("assistant", " Good day.\n"), ("prompt", "Bot:"),
]  # fmt: skip


def test_conversation_has_a_line_for_each_line_of_the_text():
    figure = figures.conversation(PIECES)
    texts = figure.axes[0].texts
    lines = {}
    for text in texts[: len(PIECES)]:
        lines.setdefault(round(text.get_position()[1], 3), []).append(text.get_text())
    assert list(lines.values()) == [
        ["User: ", "Hello", "↵"], ["Bot:", " Good day.↵"], ["Bot:"]
    ]  # fmt: skip
    rising = sorted(lines)
    assert list(lines) == rising and figure.axes[0].get_ylim()[0] > rising[-1]


def test_kinds_of_a_conversation_differ_without_colour():
    """By the width and the pattern of the edge, and by how light the box is."""
    figure = figures.conversation(PIECES)
    looks = {}
    for (kind, _), box in zip(PIECES, figure.axes[0].patches, strict=False):
        light = round(sum(box.get_facecolor()[:3]) / 3, 1)
        looks[kind] = (box.get_linewidth(), str(box.get_linestyle()), light)
    assert len(set(looks.values())) == len(looks) == 4


def test_legend_of_a_conversation_names_the_kinds_that_occur():
    texts = [text.get_text() for text in figures.conversation(PIECES).axes[0].texts]
    assert sum("the generation prompt" in text for text in texts) == 1
    few = [t.get_text() for t in figures.conversation(PIECES[:3]).axes[0].texts]
    assert not any("generation prompt" in text or "assistant" in text for text in few)


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([], "no pieces to draw"),
        ([("template", "")], "no pieces to draw"),
        ([("system", "x")], "no piece is of the kind 'system': choose one of template"),
        (["User: "], "'User: ' is no piece"),
        ([("user", 3)], "is no piece: pass pairs"),
    ],
)
def test_what_is_no_conversation_is_refused(pieces, words):
    with pytest.raises(ValueError, match=words):
        figures.conversation(pieces)


def test_preferences_are_two_lines_named_at_their_ends_around_the_reference():
    axes = figures.preferences([0, 1, 2], [0, -1, -4]).axes[0]
    zero, chosen, rejected = axes.lines
    assert set(zero.get_ydata()) == {0}
    assert list(chosen.get_ydata()) == [0, 1, 2]
    assert chosen.get_marker() != rejected.get_marker()
    ends = {text.get_text(): text.xy for text in axes.texts}
    assert ends == {"chosen": (2, 2), "rejected": (2, -4)}


@pytest.mark.parametrize(
    ("chosen", "rejected", "words"),
    [
        ([0, 1], [0], "2 steps of the chosen answer, 1 of the rejected"),
        ([0, np.nan], [0, 1], "the chosen answer at step 1 is nan"),
        ([], [], "no changes of the chosen answer to draw"),
    ],
)
def test_preferences_refuse_what_cannot_be_compared(chosen, rejected, words):
    with pytest.raises(ValueError, match=words):
        figures.preferences(chosen, rejected)


def test_map_has_a_station_for_every_notebook_by_its_title():
    notebooks = {
        path.name[:2]: publish.title(notebook)
        for path, notebook in guards.ours().items()
    }
    assert notebooks.pop("00") == "Quick tour"
    stations = {number: title for number, (title, *_) in figures.STATIONS.items()}
    assert notebooks and notebooks.items() <= stations.items()
    drawn = {text.get_text() for text in figures.course_map().axes[0].texts}
    assert {*stations, *stations.values()} <= drawn


def test_words_on_the_map_do_not_overlap():
    figure = figures.course_map()
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    assert all(figure.bbox.fully_containsx(box.x1) for box in boxes)


def test_loss_differences_put_the_first_run_on_zero_and_zero_in_the_middle():
    runs = {"loop": [3.0, 1.0], "mean": [3.0, 1.0], "half": [3.5, 0.5]}
    figure = figures.loss_differences(runs)
    (axes,) = figure.axes
    loop, mean, half = axes.lines
    assert not any(loop.get_ydata()) and loop.get_marker() == "None"
    assert not any(mean.get_ydata()) and mean.get_linestyle() == "None"
    assert list(half.get_ydata()) == [0.5, -0.5] and half.get_linestyle() == "--"
    low, high = axes.get_ylim()
    assert low == -high and high > 0.5
    assert axes.get_ylabel() == "loss minus that of the loop"
    assert [text.get_text() for text in figure.legends[0].texts] == list(runs)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ({}, "0 runs: pass 2 to 4"),
        ({"loop": [1]}, "1 runs: pass 2 to 4"),
        ({str(n): [1] for n in range(5)}, "5 runs: pass 2 to 4"),
        ({"loop": [], "other": []}, "not 0 steps"),
        ({"loop": [1, 2], "other": [1]}, "'other' has losses of shape"),
        ({"loop": [1, 2], "other": [1, float("nan")]}, "no finite number"),
    ],
)
def test_loss_differences_refuse_runs_that_cannot_be_compared(runs, words):
    with pytest.raises(ValueError, match=words):
        figures.loss_differences(runs)


def test_speed_ups_have_the_ideal_and_a_name_at_each_end():
    figure = figures.speed_ups([1, 2, 4], {"x": {"slow": [1, 0.5, 0.4]}, "y": {}})
    left, right = figure.axes
    ideal, slow = left.lines
    assert list(ideal.get_ydata()) == [1, 2, 4] == list(right.lines[0].get_ydata())
    assert list(slow.get_ydata()) == [1, 0.5, 0.4]
    names = {text.get_text(): text.xy for text in left.texts}
    assert names["slow"] == (4, 0.4)
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] < 0.4


def test_an_ideal_that_is_covered_has_no_name():
    (axes,) = figures.speed_ups([1, 2, 4], {"x": {"fast": [1, 1.99, 3.9]}}).axes
    assert [text.get_text() for text in axes.texts] == ["fast"]


@pytest.mark.parametrize(
    ("counts", "curves", "words"),
    [
        ([2, 4], {}, "begin with 1"),
        ([1, 2], {"x": [1]}, "one number above 0 for each count"),
        ([1, 2], {"x": [1, 0]}, "one number above 0 for each count"),
        ([1, 2], {"x": [40, 80]}, "begins at 40: divide by the speed of one"),
    ],
)
def test_speed_ups_refuse_what_is_no_comparison_with_one(counts, curves, words):
    with pytest.raises(ValueError, match=words):
        figures.speed_ups(counts, {"panel": curves})


def test_figures_are_returned_and_left_to_the_caller(
    uniform_weights, tmp_path, monkeypatch
):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    made = [
        figures.attention_grid(uniform_weights, TOKENS),
        figures.attention_heads(uniform_weights[0], TOKENS, ["x", "y", "z"]),
        figures.head_map(uniform_weights[..., 0, 0], "share"),
        figures.token_boxes({"x": TOKENS}),
        figures.padding_picture({"x": [[[1, 1, 0]]]}),
        figures.bars({"MB": {"x": 1}}),
        figures.training_curves(LOSSES, RATES, {4: 0.2}),
        figures.two_runs(LOSSES, LOSSES, ("x", "y")),
        figures.similarity_map(np.eye(3), TOKENS[:3]),
        figures.course_map(),
        figures.loss_differences({"x": LOSSES, "y": LOSSES}),
        figures.speed_ups([1, 2], {"x": {"y": [1, 2]}}),
    ]
    assert all(isinstance(figure, Figure) for figure in made)
    assert plt.get_fignums() == [] and list(tmp_path.iterdir()) == []
    assert all(drawn(figure).startswith(b"\x89PNG") for figure in made)


def test_same_weights_give_the_same_picture(uniform_weights):
    first, second = (figures.attention_grid(uniform_weights, TOKENS) for _ in range(2))
    assert drawn(first) == drawn(second)


def test_distributions_share_one_scale_and_mark_what_cannot_come():
    even, cut = {"a": 0.5, "b": 0.5}, {"a": 1.0, "b": 0.0}
    axes = figures.distributions({"even": even, "cut": cut}).axes
    assert {panel.get_xlim() for panel in axes} == {(0, 1.22)}
    assert [text.get_text() for text in axes[0].texts] == ["0.50", "0.50"]
    assert [text.get_text() for text in axes[1].texts] == ["1.00", "×"]


def test_distributions_write_the_value_into_a_bar_that_runs_off_a_given_end():
    even, sure = {"a": 0.5, "b": 0.5}, {"a": 1.0, "b": 0.0}
    axes = figures.distributions({"even": even, "sure": sure}, end=0.6).axes
    assert {panel.get_xlim() for panel in axes} == {(0, 0.6)}
    assert [text.get_text() for text in axes[0].texts] == ["0.50", "0.50"]
    assert [text.get_text() for text in axes[1].texts] == ["", "×", "1.00 →"]
    with pytest.raises(ValueError, match="cannot end at 0"):
        figures.distributions({"even": even}, end=0)


def test_distributions_put_the_first_token_on_top_of_every_panel():
    six = {str(n): {"a": 0.5, "b": 0.5} for n in range(6)}
    for axes in figures.distributions(six).axes:
        bottom, top = axes.get_ylim()
        assert bottom > top


@pytest.mark.parametrize(
    ("panels", "complaint"),
    [
        ({}, "no tokens to draw"),
        ({"x": {"a": 0.5, "b": 0.2}}, "'x' adds up to 0.700"),
        ({"x": {"a": 1.5, "b": -0.5}}, "after softmax"),
        ({"x": {"a": float("nan"), "b": 1.0}}, "adds up to nan"),
        ({"x": {"a": 1.0}, "y": {"b": 1.0}}, "'y' has the tokens"),
    ],
)
def test_distributions_refuse_what_is_none(panels, complaint):
    with pytest.raises(ValueError, match=complaint):
        figures.distributions(panels)


BEAMS = [
    [(0, "a", -1.0), (0, "b", -1.5), (0, "c", -2.0)],
    [(1, "d", -1.6), (0, "e", -3.0), (1, "f", -4.0)],
]


def test_beam_tree_draws_the_winning_path_thick_and_the_dropped_dashed():
    axes = figures.beam_tree(BEAMS, width=2).axes[0]
    bold = [text.get_text() for text in axes.texts if text.get_weight() == "bold"]
    assert bold == ["b", "d"]
    dashed = [box.get_linestyle() == "--" for box in axes.patches]
    assert dashed == [False, False, True, False, False, True]
    thick = [line for line in axes.lines if line.get_linewidth() > 2]
    assert [tuple(line.get_ydata()) for line in thick] == [(0.5, 1), (1, 0)]


def test_beam_tree_says_in_words_what_a_dropped_box_grew_from():
    axes = figures.beam_tree(BEAMS, width=2).axes[0]
    assert "after b:" in [text.get_text() for text in axes.texts]
    assert len(axes.lines) == 3 + 2  # all of step 1, the kept of step 2


def test_beam_tree_writes_every_score():
    axes = figures.beam_tree(BEAMS, width=2).axes[0]
    texts = {text.get_text() for text in axes.texts}
    assert {"−1.00", "−1.60", "−4.00", "step 1", "step 2", "prompt"} <= texts


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([], "no steps"),
        ([[(0, "a", -1.0)]], "1 candidates for 2 beams"),
        ([[(0, "a", -2.0), (0, "b", -1.0)]], "not sorted"),
        ([BEAMS[0], [(2, "d", -3.0), (0, "e", -4.0)]], "beam 2, which was not kept"),
        ([BEAMS[0], [(1, "d", -1.2), (0, "e", -4.0)]], "more probable than its parent"),
    ],
)
def test_beam_tree_refuses_what_is_no_beam_search(steps, complaint):
    with pytest.raises(ValueError, match=complaint):
        figures.beam_tree(steps, width=2)
