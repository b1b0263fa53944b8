"""Whatever is passed: what the docstring promises, or one of the errors that it names.

Each public function of `figures`, `checks` and `sources` meets 200 generated inputs, nearly right
ones and wild ones. The functions are found, not listed: a new one without inputs fails here. The
inputs are the same in each run; after a larger change, EXAMPLES=2000 asks for more of them.
"""

import io
import itertools
import math
import os
import re
import tempfile
import time
import types
import warnings
from decimal import Decimal
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal.conjecture import providers
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hf_tutorial import checks, figures, sources

# What Hypothesis keeps for itself, tables of Unicode, stays out of the checkout.
set_hypothesis_home_dir(Path(tempfile.gettempdir(), "hypothesis"))
# It also draws constants of the modules that are imported, and these differ from worker to worker
# (findings/hypothesis_derandomized_draws_follow_imports.sh): none, so that inputs are the same.
providers._get_local_constants = lambda: providers._local_constants

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
SECONDS = 5  # of the processor, for one input; most take some milliseconds
DRAWN = 2  # figures of each function that are drawn to the last pixel, the others only built
ANY = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    database=None,  # leaves no folder in the checkout
    deadline=None,  # SECONDS says it, and a busy machine may be slow once
    suppress_health_check=list(HealthCheck),
)

# Inputs

SIGNS = ("\u200d", "\xad", "", " ", "\n", "\x00", "\ud800", "\ufe0f", "$x$", "$", r"\$",
         "中文", "\N{SLIGHTLY SMILING FACE}", "א", "é", "##s", "Ġthe", "word", "x" * 500)  # fmt: skip
words = st.one_of(st.sampled_from(SIGNS), st.text(max_size=6))
odd_numbers = st.sampled_from(
    [math.nan, math.inf, -math.inf, -1, 0, 1, 0.5, 1e308, 5e-324, -1e200, 10**400, 2**70,
     True, None, "0.5", Decimal("0.5"), 1j, np.float16(0.5), np.int8(1), b"1",
     torch.tensor(0.5, dtype=torch.bfloat16), torch.tensor(1.0, requires_grad=True)]
)  # fmt: skip
numbers = st.one_of(
    st.floats(0, 1), st.floats(0, 1), st.floats(), st.integers(-3, 300), odd_numbers
)
ITERATORS = st.sampled_from(
    [itertools.count, lambda: itertools.repeat("a"), lambda: iter([1, 2])]
)
wild = st.one_of(
    odd_numbers,
    words,
    st.lists(numbers, max_size=4),
    st.lists(words, max_size=4),
    st.dictionaries(words, numbers, max_size=3),
    st.lists(st.lists(numbers, max_size=3), max_size=3),
    st.sampled_from(
        [
            (),
            [],
            {},
            set(),
            object(),
            np.zeros((0, 3)),
            np.zeros(3, dtype="datetime64[s]"),
            np.array(["a", "b"]),
            np.array([1, "a", None], dtype=object),
            torch.zeros(2, 2, 2),
            torch.eye(3).to_sparse(),
            torch.empty(2, device="meta"),
            pd.Series([1.0, 2.0]),
            pd.DataFrame({"a": [0.5], "b": [0.5]}),
            pd.Series(["a", "a"]),
            range(3),
            float,
            ...,
        ]
    ),  # fmt: skip
)


def wrapped(array: np.ndarray, wrapping: str):
    """Put numbers into one of the things that numbers come in."""
    if wrapping == "list":
        return array.tolist()
    if wrapping == "frame":
        return {1: pd.Series, 2: pd.DataFrame}.get(array.ndim, np.array)(array)
    if wrapping == "strided":  # not contiguous, and read-only
        array = np.asfortranarray(array.repeat(2, axis=-1))[..., ::2]
        array.flags.writeable = False
        return array
    if wrapping.startswith("torch."):
        dtype = getattr(torch, wrapping.removeprefix("torch."))
        tensor = torch.tensor(array).to(dtype)
        return tensor.requires_grad_() if dtype.is_floating_point else tensor
    if wrapping == "tensors":
        return [torch.tensor(row, dtype=torch.float32) for row in array]
    return array.astype(wrapping)


WRAPPINGS = ("float64", "float32", "float16", "list", "frame", "strided", "tensors",
             "torch.float32", "torch.bfloat16", "torch.float16")  # fmt: skip
wrappings = st.sampled_from(WRAPPINGS)
seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([1, 1, 1, 2, 2, 2, 3, 3, 4, 7, 200])
few = st.sampled_from([1, 1, 1, 1, 2, 2, 2, 16])


@st.composite
def broken(draw, array: np.ndarray, chance: int = 2):
    """Return numbers in a wrapping, every second time with one fault."""
    if draw(st.integers(0, chance)):
        return wrapped(array, draw(wrappings))
    fault = draw(
        st.sampled_from(["nan", "inf", "negative", "large", "axis", "cut", "wild"])
    )
    if fault == "wild":
        return draw(wild)
    array = array.copy()
    if fault == "large":
        array = array * 8
    elif fault == "axis":
        array = array[None]
    elif fault == "cut":
        array = array[..., :-1]
    elif array.size:
        array.flat[-1] = {"nan": math.nan, "inf": math.inf, "negative": -1.0}[fault]
    return wrapped(array, draw(wrappings))


@st.composite
def labels(draw, count: int):
    """Return as many labels, in a list or something else; sometimes not as many."""
    found = draw(st.lists(words, min_size=min(count, 4), max_size=4))
    found = list(itertools.islice(itertools.cycle(found or ["a"]), count))
    kind = draw(
        st.sampled_from(
            ["list", "list", "tuple", "numbers", "series", "one less", "wild"]
        )
    )
    return {
        "list": found,
        "tuple": tuple(found),
        "numbers": torch.arange(count),
        "series": pd.Series(found, dtype=object),
        "one less": found[1:],
        "wild": draw(wild) if kind == "wild" else None,
    }[kind]


def named(values, names=words, least: int = 1, most: int = 3):
    return st.dictionaries(names, values, min_size=least, max_size=most)


@st.composite
def grids(draw):
    layers, heads, size = draw(few), draw(few), draw(sizes)
    if size > 100:  # millions of numbers, each time
        layers, heads = min(layers, 2), min(heads, 2)
    random = np.random.default_rng(draw(seeds))
    array = random.dirichlet(np.ones(size), (layers, heads, size))
    return {"weights": draw(broken(array)), "tokens": draw(labels(size))}


@st.composite
def heads(draw):
    panels, size = draw(st.sampled_from([0, 1, 1, 2, 2, 3, 4, 5])), draw(sizes)
    array = np.random.default_rng(draw(seeds)).dirichlet(np.ones(size), (panels, size))
    return {
        "weights": draw(broken(array)),
        "tokens": draw(labels(size)),
        "titles": draw(labels(panels)),
    }


@st.composite
def maps(draw):
    array = np.random.default_rng(draw(seeds)).random((draw(few), draw(sizes)))
    limits = st.one_of(st.none(), st.just((0, 1)), st.tuples(numbers, numbers))
    return {"values": draw(broken(array)), "unit": draw(words), "limits": draw(limits)}


@st.composite
def cosines(draw):
    size = draw(sizes)
    vectors = np.random.default_rng(draw(seeds)).normal(size=(size, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return {
        "similarity": draw(broken(vectors @ vectors.T)),
        "texts": draw(labels(size)),
    }


@st.composite
def cut_texts(draw):
    rows = draw(named(sizes.flatmap(labels), least=0))
    special = draw(st.lists(words, max_size=2))
    return {"rows": rows, "special": special}


@st.composite
def padded(draw):
    random = np.random.default_rng(draw(seeds))
    panels = {}
    for name in draw(st.lists(words, min_size=1, max_size=3, unique=True)):
        rows, length = draw(few), draw(sizes)
        ends = random.integers(1, length + 1, rows)
        array = (np.arange(length) < ends[:, None]).astype(float)
        panels[name] = [
            draw(broken(array, 9))
            for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2])))
        ]
    return {"masks": panels}


@st.composite
def measured(draw):
    names = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    value = st.one_of(
        st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 10**15), numbers
    )
    units = draw(st.lists(words, max_size=4, unique=True))
    panels = {unit: {name: draw(value) for name in names} for unit in units}
    if draw(st.integers(0, 5)):
        return {"panels": panels}
    frame = pd.DataFrame({"x": [0.5, 2.0], "$": [1.0, 0.0]}, index=["a", "$b"])
    return {"panels": frame}


@st.composite
def chances(draw):
    size = draw(st.integers(1, 8))
    names = (
        [f"{draw(words)} {n}" for n in range(size)] if size < 6 else list(range(size))
    )
    random = np.random.default_rng(draw(seeds))
    panels = {}
    for title in draw(st.lists(words, max_size=4, unique=True)):
        shares = draw(broken(random.dirichlet(np.ones(size)), 5))
        listed = (
            shares
            if hasattr(shares, "__len__") and len(shares) == size
            else [0.5] * size
        )
        panels[title] = dict(zip(names, listed, strict=True))
    return {"panels": panels, "end": draw(st.one_of(st.none(), st.none(), numbers))}


@st.composite
def curves(draw, steps: int):
    array = np.random.default_rng(draw(seeds)).random(steps)
    return draw(broken(array, 4))


@st.composite
def trained(draw):
    steps = draw(sizes)
    validation = st.dictionaries(
        st.one_of(st.integers(0, steps), numbers.filter(hash)), numbers
    )
    return {
        "losses": draw(curves(steps)),
        "learning_rates": draw(curves(steps)),
        "validation": draw(st.one_of(st.none(), st.just({steps: 0.5}), validation)),
    }


@st.composite
def pairs_of_runs(draw):
    steps = draw(sizes)
    names = st.one_of(st.tuples(words, words), labels(2))
    return {
        "first": draw(curves(steps)),
        "second": draw(curves(steps)),
        "names": draw(names),
    }


@st.composite
def some_runs(draw):
    return {"runs": draw(named(curves(draw(sizes)), most=5))}


@st.composite
def faster(draw):
    counts = draw(
        st.sampled_from([[1], [1, 2, 4], [1, 2, 4, 8], [1, 4, 2], list(range(1, 60))])
    )
    array = np.array(
        [1.0, *np.random.default_rng(draw(seeds)).random(max(0, len(counts) - 1)) * 9]
    )
    return {
        "counts": draw(st.sampled_from([counts, counts, torch.tensor(counts)])),
        "panels": draw(named(named(broken(array, 9), most=2))),
    }


@st.composite
def searches(draw):
    width, kept, steps = draw(st.integers(1, 3)), [0.0], []
    for _ in range(draw(st.integers(0, 4))):
        rows = []
        for _ in range(width + draw(st.integers(0, 2))):
            parent = draw(st.integers(0, len(kept) - 1))
            rows.append((parent, draw(words), kept[parent] - draw(st.floats(0, 3))))
        rows.sort(key=lambda row: -row[2])
        kept = [row[2] for row in rows[:width]]
        steps.append(rows)
    if steps and draw(st.integers(0, 2)) == 0:
        steps[-1][-1] = draw(st.one_of(st.tuples(numbers, words, numbers), wild))
    return {"steps": steps, "width": width, "root": draw(words)}


@st.composite
def talks(draw):
    kinds = st.sampled_from(["template", "user", "assistant", "prompt"])
    piece = st.one_of(
        st.tuples(kinds, words), st.tuples(kinds, words.map(lambda text: f"{text}\n"))
    )
    pieces = draw(st.lists(piece, max_size=9)) * draw(st.sampled_from([1, 1, 1, 300]))
    if draw(st.integers(0, 3)) == 0:
        pieces = [*pieces, draw(st.one_of(st.tuples(words, words), wild))]
    return {"pieces": pieces}


@st.composite
def moved(draw):
    steps = draw(sizes)
    return {"chosen": draw(curves(steps)), "rejected": draw(curves(steps))}


@st.composite
def wrecked(draw, strategy):
    """Return nearly right inputs, one time in three with one argument that is anything."""
    inputs = draw(strategy)
    if inputs and draw(st.integers(0, 2)) < 1:
        inputs[draw(st.sampled_from(sorted(inputs)))] = draw(wild)
    return inputs


FIGURES = {
    "attention_grid": grids(),
    "attention_heads": heads(),
    "bars": measured(),
    "beam_tree": searches(),
    "conversation": talks(),
    "course_map": st.just({}),
    "distributions": chances(),
    "head_map": maps(),
    "loss_differences": some_runs(),
    "padding_picture": padded(),
    "preferences": moved(),
    "similarity_map": cosines(),
    "speed_ups": faster(),
    "token_boxes": cut_texts(),
    "training_curves": trained(),
    "two_runs": pairs_of_runs(),
}
# Of `sources`, a function of a role gets roles; these do more than name something.
LEFT_OUT = {
    "damage": "takes nothing and reads 200 MB; tests/test_sources.py damages copies",
    "place_encoder": "writes 90 MB; tests/test_sources.py has damaged and missing files",
    "place_sentiment": "writes 90 MB; tests/test_sources.py has damaged and missing files",
    "merge_sentiment": "writes what place_sentiment places",
}


# Judging


def functions(module: types.ModuleType) -> dict[str, types.FunctionType]:
    """Find the public functions of a module or package that belong to it."""
    found = {name: getattr(module, name) for name in dir(module) if name[0] != "_"}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, types.FunctionType)
        and value.__module__.startswith(module.__name__)
    }


def exercises() -> dict[str, types.FunctionType]:
    return {n: f for n, f in functions(checks).items() if hasattr(f, "__wrapped__")}


def without_inputs(found, given_inputs, left_out=()) -> set[str]:
    return {
        name
        for name, function in found.items()
        if name not in given_inputs
        and name not in left_out
        and function.__code__.co_varnames[: function.__code__.co_argcount] != ("role",)
    }


def documented(function) -> tuple[type[Exception], ...]:
    """Read from the docstring which errors a function may raise."""
    _, _, raises = (function.__doc__ or "").partition("Raises:\n")
    names = re.findall(r"^\s+(\w+Error):", raises, re.MULTILINE)
    return tuple(
        getattr(__builtins__, n, None) or vars(__import__("builtins"))[n] for n in names
    )


def judged(function, result: type, *arguments, **named_arguments):
    """Call it: the result, or None where it raised a documented error with a sentence."""
    clock = time.process_time()
    try:
        value = function(*arguments, **named_arguments)
    except documented(function) as error:
        assert len(str(error)) > 15, f"{error!r} says nothing"
        value = None
    else:
        assert isinstance(value, result), f"{value!r} is no {result.__name__}"
    spent = time.process_time() - clock
    assert spent < SECONDS, f"{spent:.1f} s"
    return value


def bounded(figure: Figure) -> bool:
    """Tell whether a picture keeps to 40 inches a side and 40 megapixels."""
    width, height = figure.get_size_inches()
    return max(width, height) <= 40 and width * height * figure.dpi**2 <= 40e6


def draw(figure: Figure) -> None:
    """Draw it to the last pixel: bounded with all that sticks out, and without a warning."""
    clock = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        whole = figure.get_tightbbox(canvas.get_renderer())
        figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    assert max(whole.width, whole.height) <= 40
    # Laid out three times above; 200 tokens and their labels take 2 s each time, more beside others.
    assert time.process_time() - clock < 3 * SECONDS


# Tests


def test_inputs_hold_no_constant_of_a_module_that_happens_to_be_imported():
    assert len(providers._get_local_constants()) == 0


@pytest.mark.parametrize("name", sorted(functions(figures)))
def test_figure_of_any_input_is_bounded_or_refused_in_words(name):
    function, outcomes = getattr(figures, name), {"drawn": 0, "refused": 0}

    @ANY
    @given(wrecked(FIGURES[name]))
    def meet(inputs):
        with warnings.catch_warnings():
            # Of signs that no font has, once a script. Everything else is a fault.
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "no font on this machine")
            figure = judged(function, Figure, **inputs)
        outcomes["refused" if figure is None else "drawn"] += 1
        if figure is not None:
            assert bounded(figure)
            if outcomes["drawn"] % 25 == 1 and outcomes["drawn"] < 25 * DRAWN:
                draw(figure)

    meet()
    if FIGURES[name] is not FIGURES["course_map"]:  # takes nothing
        assert min(outcomes.values()) > EXAMPLES / 50, outcomes


class Hostile:
    """An answer whose every method raises, and not even an Exception."""

    def fails(self, *arguments):
        raise GeneratorExit("no")

    __repr__ = __str__ = __iter__ = __len__ = __float__ = __eq__ = __contains__ = fails
    __getitem__ = __call__ = __hash__ = fails
    __class__ = property(fails)


TENSORS = (
    torch.eye(2),
    torch.zeros(3, 4).long(),
    torch.tensor([[1, 1, 1, 1, 0, 0]] * 2),
)
batches = st.fixed_dictionaries(
    {}, optional={key: st.one_of(st.sampled_from(TENSORS), wild)
                  for key in ("input_ids", "attention_mask", "position_ids", "labels", "label", "accuracy")}
)  # fmt: skip
said = st.tuples(st.sampled_from(["The film was long.", "a b c " * 3000, "no"]),
                 st.sampled_from(["POSITIVE", "negative", 1]))  # fmt: skip
answers = st.one_of(
    wild,
    numbers,
    batches,
    st.tuples(numbers, numbers),
    st.tuples(numbers, numbers, numbers),
    st.lists(st.one_of(words, numbers), max_size=6),
    ITERATORS.map(lambda make: make()),
    st.builds(Hostile),
    said,
    st.sampled_from(
        [[list("ab")] * 3, list(range(20_000)), "x" * 10**5, [[0] * 9] * 9]
    ),
)


def test_check_of_any_answer_is_a_sentence():
    found, spoken = exercises(), set()

    @ANY
    @given(answers)
    def meet(answer):
        for name, check in found.items():
            for given_answer in (answer, lambda *arguments: answer):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of NumPy, about an answer's nan
                    verdict = judged(check, checks.Verdict, given_answer)
                assert verdict.outcome in ("not attempted", "try again", "correct")
                assert 10 < len(verdict.message) < 300, name
                assert verdict.message.isprintable(), name
                spoken.add((name, verdict.message))

    meet()
    assert len(spoken) > 10 * len(found)


@pytest.mark.parametrize("check", exercises().values(), ids=exercises())
def test_endless_answer_ends(check):
    check(lambda *arguments: 1)  # what it imports is there
    endless = (itertools.count, lambda: itertools.repeat("a"), lambda: iter(int, 1))
    for make in endless:
        clock = time.process_time()
        assert check(make()).outcome == "try again"
        assert check(lambda *arguments, make=make: make()).outcome == "try again"
        assert time.process_time() - clock < SECONDS


@pytest.mark.parametrize("name", sorted({*functions(sources)} - {*LEFT_OUT}), ids=str)
def test_source_of_any_role_is_named_or_refused_in_words(name):
    function = getattr(sources, name)
    known = [
        role
        for table in (sources.CHECKPOINTS, sources.DATASETS, sources.METRICS)
        for role in table
    ]
    utf8 = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    roles = st.one_of(*[words] * 6, utf8, st.sampled_from(known))
    origins = st.one_of(st.just("hub"), st.just("bundled"), utf8)

    @ANY
    @given(roles, origins)
    def meet(role, origin):
        arguments = (role,) if function.__code__.co_argcount else ()
        with mock.patch.dict(os.environ, HF_TUTORIAL_SOURCE=origin):
            value = judged(function, str | tuple, *arguments)
        assert value is None or all(isinstance(part, str) for part in value)

    meet()


def test_every_public_function_has_inputs():
    assert without_inputs(functions(figures), FIGURES) == set()
    assert without_inputs(functions(sources), {"origin", "name_of"}, LEFT_OUT) == set()
    assert {*functions(figures)} >= {*FIGURES} and {*functions(sources)} >= {*LEFT_OUT}
    assert len(exercises()) >= 30  # each gets all answers


def test_function_without_inputs_is_noticed():
    planted = types.ModuleType("planted")
    exec(
        "def new_figure(values): ...\ndef _private(): ...\ndef x(role): ...",
        vars(planted),
    )
    for function in vars(planted).values():
        if isinstance(function, types.FunctionType):
            function.__module__ = "planted"
    assert without_inputs(functions(planted), FIGURES) == {"new_figure"}


def planted_figure(what: str) -> Figure:
    """Draw, or fail in the way asked for.

    Raises:
        ValueError: It was asked for.
    """
    if what == "documented":
        raise ValueError("this is documented, and says what to do")
    if what == "mute":
        raise ValueError("x")
    if what == "undocumented":
        raise KeyError("a key that nobody had")
    return {
        "none": None,
        "large": Figure((41, 1)),
        "dots": Figure((20, 20), dpi=400),
    }.get(what, Figure((1, 1)))


@pytest.mark.parametrize("what", ["mute", "undocumented", "none"])
def test_planted_fault_is_not_taken_for_an_answer(what):
    with pytest.raises((AssertionError, KeyError)):
        judged(planted_figure, Figure, what)
    assert judged(planted_figure, Figure, "documented") is None


def test_too_large_a_picture_is_noticed():
    assert bounded(planted_figure("fine"))
    assert not bounded(planted_figure("large")) and not bounded(planted_figure("dots"))


def test_label_that_sticks_out_is_noticed():
    figure = Figure((1, 1))
    figure.text(0, 0, "x" * 1000)
    with pytest.raises(AssertionError):
        draw(figure)
