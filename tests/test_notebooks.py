"""The saved notebooks: what nbval does not compare, and the calls that are gone."""

import ast
import copy
import subprocess

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS, publish
from tests import gone, guards, splits

PATHS = publish.discover()
SAMPLE = NOTEBOOKS / "01_tokenization.ipynb"  # faults are planted in a copy of it
PACKAGE = sorted((NOTEBOOKS.parent / "src").rglob("*.py"))


@pytest.fixture(scope="module")
def good():
    return nbformat.read(SAMPLE, as_version=4)


def test_our_notebooks_are_all_here():
    assert set(guards.OURS) <= {path.stem for path in PATHS}
    assert [name[:2] for name in guards.OURS] == [
        f"{number:02}" for number in range(len(guards.OURS))
    ]


def undiscovered(names):
    """List the notebooks among the names of files which no task would look at."""
    found = {f"notebooks/{path.name}" for path in PATHS}
    return [name for name in names if name.endswith(".ipynb") and name not in found]


def test_every_committed_notebook_is_discovered():
    """Those that nobody has committed are a reader's own, whatever they are called."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=NOTEBOOKS.parent, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout: no list of what is committed")
    names = listed.stdout.split("\0")
    assert f"notebooks/{SAMPLE.name}" in names
    assert undiscovered(names) == []
    planted = ["notebooks/my notes.ipynb", "data/01_a.ipynb", "notebooks/a/01_a.ipynb"]
    assert undiscovered([*names, *planted]) == planted


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_notebook_keeps_the_rules_that_nbval_does_not_see(path):
    notebook = guards.read(path)
    if broken := guards.complaints(notebook, path.name):
        pytest.fail("\n".join(broken), pytrace=False)
    remarks = guards.remarks(notebook, path.name)
    if (size := path.stat().st_size) >= 500_000:
        remarks.append(f"{path.name}: {size:,} bytes: 500,000 at most")
    guards.judge(path.name, remarks)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_notebook_uses_no_call_that_is_gone(path):
    found = gone.notebook_findings(guards.read(path))
    guards.judge(path.name, [f"{path.name}: {finding}" for finding in found])


@pytest.mark.parametrize("path", PACKAGE, ids=lambda p: p.stem)
def test_package_uses_no_call_that_is_gone(path):
    assert list(gone.findings(path.read_text(encoding="utf-8"))) == []


# One planted fault at least for every guard; the notebook they are planted in is clean.


def first_code(notebook):
    return guards.code(notebook)[0]


def with_picture(notebook):
    return next(cell for cell in guards.code(notebook) if guards.pictures(cell))


def tagged(notebook, tag):
    return next(cell for cell in guards.code(notebook) if tag in guards.tags(cell))


def prints(notebook, text):
    first_code(notebook).outputs = [nbformat.v4.new_output("stream", text=text)]


def source(notebook, text):
    first_code(notebook).source += f"\n{text}"


def blank_picture(notebook):
    import base64
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), "white").save(buffer, "PNG")
    picture = guards.pictures(with_picture(notebook))[0]
    picture.data["image/png"] = base64.b64encode(buffer.getvalue()).decode()


def unsolved(notebook):
    tagged(notebook, "solution").outputs = tagged(notebook, "exercise").outputs


def replace_everywhere(notebook, old, new):
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)


def by_id(notebook, wanted):
    return next(cell for cell in notebook.cells if cell.id == wanted)


def first_line_shown(notebook):
    cell = tagged(notebook, "solution")
    cell.source = cell.source.partition("\n")[2]


def four_in_a_row(notebook):
    for _ in range(4):
        notebook.cells.insert(2, nbformat.v4.new_code_cell("1"))


def long_cells(notebook):
    for cell in guards.code(notebook):
        cell.source = "\n".join(["x = 1"] * 7)


# A run as notebook 05's: tables, a loop with its scores, the test split in the end.
RUN = """reviews = load_dataset("reviews")
cut = reviews["train"].train_test_split(test_size=150)
validation, test = cut["test"], reviews["test"].shuffle(seed=0)
test_set = test.map(encode)
validate(model, DataLoader(validation))
print(accuracy(model, test_set))"""


def peeks(notebook, before, after="validate(model, DataLoader(validation))"):
    assert not [*splits.too_early(with_run(copy.deepcopy(notebook), RUN))]
    with_run(notebook, RUN.replace(after, f"{before}\n{after}"))


def with_run(notebook, run):
    """Put each line of a run into a cell of its own, with a word between."""
    for line in reversed(run.splitlines()):
        notebook.cells[2:2] = [
            nbformat.v4.new_code_cell(line),
            nbformat.v4.new_markdown_cell("And then:"),
        ]
    return notebook


PLANTED = {
    "the_test_split_is_looked_at_last": [
        lambda n: peeks(n, "print(accuracy(model, test_set))"),
        lambda n: peeks(n, "model.fit(test['text'][:])"),
        lambda n: peeks(n, "for batch in loader(test): model(batch)"),
        lambda n: peeks(n, "Trainer(model, eval_dataset=reviews['test']).evaluate()"),
        # The name of the split goes another way; test_splits.py has more of these.
        lambda n: peeks(n, "for s in reviews: print(accuracy(model, reviews[s]))"),
        lambda n: peeks(n, "for rows in reviews.values(): accuracy(model, rows)"),
        lambda n: peeks(n, "print(accuracy(model, reviews, 'test'))"),
        # Chosen on validation once more, when the test score is known.
        lambda n: with_run(n, f"{RUN}\nbest = max(models, key=score_of(validation))"),
    ],
    "every_cell_ran_in_order": [
        lambda n: first_code(n).update(execution_count=None),
        lambda n: first_code(n).update(execution_count=7),
    ],
    "libraries_speak_where_they_are_listened_to": [
        lambda n: first_code(n).metadata.update(tags=["stderr"]),
    ],
    "errors_are_meant": [
        lambda n: tagged(n, "raises-exception").metadata.update(tags=[]),
        lambda n: first_code(n).metadata.update(tags=["raises-exception"]),
    ],
    "outputs_say_nothing_of_the_machine": [
        lambda n: prints(n, "saved to /home/ann/models/x"),
        lambda n: prints(n, r"C:\\Users\\ann"),
        lambda n: prints(n, "FutureWarning: this will change"),
        lambda n: prints(n, " 42%|####    | 42/100"),
        lambda n: prints(n, "took 3.1 seconds"),
        lambda n: prints(n, "<Thing object at 0x7f3b2c1d>"),
        lambda n: first_code(n).outputs[0].update(name="stderr"),
    ],
    "numbers_are_rounded": [lambda n: prints(n, "loss 0.69314718056")],
    "no_shell_and_no_magic": [
        lambda n: source(n, "!pip install transformers"),
        lambda n: source(n, "%matplotlib inline"),
    ],
    "no_output_is_hidden_by_a_semicolon": [lambda n: source(n, "plt.plot([1]);")],
    "nothing_is_updated_in_place": [lambda n: source(n, "clear_output(wait=True)")],
    "no_widget_state": [
        lambda n: n.metadata.update(widgets={}),
        lambda n: (
            with_picture(n)
            .outputs[0]
            .data.update({"application/vnd.jupyter.widget-view+json": {}})
        ),
    ],
    "the_format_is_4_5_with_ids": [
        lambda n: n.update(nbformat_minor=4),
        lambda n: n.cells[1].update(id=n.cells[0].id),
        lambda n: n.metadata.update(colab={}),
    ],
    "ignored_outputs_are_few_and_have_a_reason": [
        lambda n: first_code(n).metadata.update(tags=["nbval-ignore-output"]),
        lambda n: source(n, "# NBVAL_IGNORE_OUTPUT"),
        lambda n: [
            c.metadata.update(tags=["nbval-skip"], reason="a clock")
            for c in guards.code(n)[:4]
        ],
    ],
    "pictures_are_pictures_with_words": [
        blank_picture,
        lambda n: with_picture(n).metadata.pop("alt"),
        lambda n: first_code(n).metadata.update(
            alt="words about a picture that is not there at all"
        ),
        lambda n: with_picture(n).outputs[0].data.update({"image/svg+xml": "<svg/>"}),
        lambda n: with_picture(n).outputs.append(with_picture(n).outputs[0]),
    ],
    "figures_are_numbered_in_order": [
        lambda n: replace_everywhere(n, "*Figure 1.2.", "*Figure 1.3."),
        lambda n: replace_everywhere(n, "*Figure 1.2.", "*Figure 2.2."),
        lambda n: replace_everywhere(n, "*Figure 1.2.", "Figure 1.2."),
    ],
    "captions_stand_below_their_figures": [
        lambda n: n.cells.insert(
            n.cells.index(with_picture(n)) + 1, nbformat.v4.new_code_cell("1")
        ),
        lambda n: replace_everywhere(n, "*Figure 1.1.", "Below, *Figure 1.1.*"),
    ],
    "linked_images_have_alt_text_and_are_here": [
        lambda n: n.cells[0].update(source=n.cells[0].source + "\n![](images/a.png)"),
        lambda n: n.cells[0].update(
            source=n.cells[0].source + "\n![a](https://a.example/a.png)"
        ),
    ],
    "the_pace_is_right": [
        lambda n: n.cells.extend(nbformat.v4.new_markdown_cell("x") for _ in range(71)),
        lambda n: source(n, "x = 1\n" * 26),
        long_cells,
        lambda n: first_code(n).update(outputs=[], source="x = 1\n" * 11),
    ],
    "prose_follows_outputs": [four_in_a_row],
    "it_opens_and_closes_as_all_do": [
        lambda n: replace_everywhere(n, "?**", "**"),
        lambda n: replace_everywhere(n, "Minutes: ", "Minutes: 1"),
        lambda n: first_code(n).update(source="import torch"),
        lambda n: replace_everywhere(n, "## In older tutorials", "## Today"),
        lambda n: replace_everywhere(n, "When it breaks", "Trouble"),
        lambda n: n.cells[-1].update(source="The end."),
        lambda n: [c.metadata.update(tags=[]) for c in guards.code(n)],
    ],
    "exercises_come_with_solutions": [
        unsolved,
        lambda n: tagged(n, "solution").metadata.update(tags=[]),
        lambda n: tagged(n, "exercise").update(source="checks.another(...)"),
        lambda n: [
            c.metadata.update(tags=[])
            for c in guards.code(n)
            if guards.tags(c) & {"exercise", "solution"}
        ],
    ],
    "solutions_are_folded_and_give_nothing_away": [
        lambda n: tagged(n, "solution").metadata.pop("jupyter"),
        lambda n: tagged(n, "solution").metadata.update(
            jupyter={"source_hidden": True}
        ),
        lambda n: tagged(n, "solution").metadata.pop("collapsed"),
        first_line_shown,
        lambda n: replace_everywhere(n, "**1.2 ", "**1.5 "),
        lambda n: replace_everywhere(n, "# Solution 1.2", "# Solution 1.2: ids != pad"),
        lambda n: replace_everywhere(
            n, "# Solution 1.2\n", "mask = 0  # Solution 1.2\n"
        ),
        lambda n: replace_everywhere(
            n,
            "def source_of(text, tokenizer, position):  #",
            "def source_of(text, tokenizer, p=0):  #",
        ),
    ],
    "cells_can_be_run_twice": [
        lambda n: by_id(n, "vocabulary").update(source="tokenizer = f(tokenizer)"),
        lambda n: by_id(n, "vocabulary").update(source="del tokenizer"),
    ],
    "names_mean_one_thing": [
        lambda n: by_id(n, "stride").update(source="tokenizer = None"),
        lambda n: by_id(n, "stride").update(source="del tokenizer"),
    ],
    "devices_have_their_reason": [
        lambda n: source(n, "model.to('cuda')"),
        lambda n: source(n, "pipeline('fill-mask', model=m, tokenizer=t)"),
    ],
    "it_can_be_presented": [
        lambda n: n.cells[0].metadata.lecture.update(minutes=40),
        lambda n: n.cells[0].metadata.lecture.pop("minutes"),
        lambda n: n.cells[2].metadata.update(lecture={"tell": "more"}),
        lambda n: n.cells[2].metadata.update(lecture={"say": 3}),
        lambda n: n.cells[2].metadata.update(lecture="Say more."),
        lambda n: n.update(cells=n.cells[:12]),
    ],
    "the_speakers_numbers_are_those_of_the_notebook": [
        lambda n: n.cells[2].metadata.update(lecture={"say": "All 30,523 of them."}),
        lambda n: n.cells[2].metadata.update(lecture={"ask": "More than 0.7321?"}),
    ],
}


BARE = {
    "no cells": [],
    "empty cells": [nbformat.v4.new_code_cell(""), nbformat.v4.new_markdown_cell("")],
    "words only": [nbformat.v4.new_markdown_cell("Ask about pads.")],
    "code only": [nbformat.v4.new_code_cell("1 + 1")],
}


@pytest.mark.parametrize("name", guards.GUARDS)
@pytest.mark.parametrize("cells", BARE.values(), ids=BARE)
def test_guard_speaks_in_sentences_of_a_notebook_that_has_next_to_nothing(name, cells):
    notebook = nbformat.v4.new_notebook(cells=copy.deepcopy(cells))
    for complaint in guards.GUARDS[name](notebook, "10_own_data.ipynb"):
        assert complaint and "Error" not in complaint


def test_notebook_of_ones_own_fails_only_for_what_would_not_be_compared(good):
    name = "10_own_data.ipynb"
    plain = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("1 + 1", execution_count=1)]
    )
    assert guards.complaints(plain, name) == []
    said = guards.remarks(plain, name)
    assert len(said) > 5 and all(remark.startswith(f"{name}: ") for remark in said)
    never_run = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    (complaint,) = guards.complaints(never_run, name)
    assert complaint == f"{name}: nothing is saved to compare with: run `make record`"
    assert guards.complaints(nbformat.v4.new_notebook(), name) == [
        f"{name}: no code cell, so there is nothing to execute and compare"
    ]


def test_notebook_of_ours_fails_for_the_style_of_the_house_and_anothers_is_warned(good):
    dull = copy.deepcopy(good)
    dull.cells[-1].source = "The end."
    (complaint,) = guards.complaints(dull, SAMPLE.name)
    assert complaint == f"{SAMPLE.name}: the last cell links nowhere"
    assert guards.remarks(dull, SAMPLE.name) == []
    with pytest.raises(pytest.fail.Exception, match="links nowhere"):
        guards.judge(SAMPLE.name, [complaint])
    with pytest.warns(guards.HouseStyle, match="links nowhere"):
        guards.judge("10_own_data.ipynb", ["10_own_data.ipynb: links nowhere"])


def test_file_that_holds_no_notebook_fails_in_a_sentence(tmp_path):
    path = tmp_path / "11_notes.ipynb"
    path.write_text("Ask about pads.")
    with pytest.raises(pytest.fail.Exception, match="11_notes.ipynb is no notebook"):
        guards.read(path)


def test_every_guard_has_a_planted_fault():
    assert set(PLANTED) == set(guards.GUARDS)


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        pytest.param(name, plant, id=f"{name}-{number}")
        for name, plants in PLANTED.items()
        for number, plant in enumerate(plants)
    ],
)
def test_guard_complains_of_the_planted_fault(good, name, plant):
    notebook = copy.deepcopy(good)
    assert list(guards.GUARDS[name](notebook, SAMPLE.name)) == []
    plant(notebook)
    assert list(guards.GUARDS[name](notebook, SAMPLE.name)) != []


PLANTED_CALLS = {
    **{
        f"TrainingArguments({name}=)": f"TrainingArguments('x', disable_tqdm=True, {name}=1)"
        for name in gone.GONE_ARGUMENTS
    },
    "Trainer(tokenizer=)": "Trainer(model, tokenizer=tokenizer)",
    "transformers.AdamW": "from transformers import AdamW",
    "load_metric": "metric = datasets.load_metric('accuracy')",
    "import load_metric": "from datasets import load_metric",
    "TensorFlow or Flax class": "from transformers import TFAutoModel",
    "one-part dataset id": "load_dataset('imdb')",
    "pipeline of summarization, translation, question answering": "pipeline('summarization', model='x')",
    "load_in_8bit=, load_in_4bit=": "AutoModel.from_pretrained('x', load_in_8bit=True)",
    "prepare_model_for_int8_training": "from peft import prepare_model_for_int8_training",
    "default_chat_template": "print(tokenizer.default_chat_template)",
    "huggingface-cli": "print('run huggingface-cli login')",
    "encode_plus": "tokenizer.encode_plus('text')",
    "pad_to_max_length": "tokenizer('text', pad_to_max_length=True)",
    "attention_masks=": "model(input_ids=ids, attention_masks=mask)",
    "label=": "model(**batch, label=labels)",
    "Accelerator(split_batches=)": "Accelerator(split_batches=True)",
    "Accelerator(fp16=)": "Accelerator(fp16=True)",
    "LineByLineTextDataset, TextDataset": "from transformers import TextDataset",
    "AutoModelWithLMHead": "from transformers import AutoModelWithLMHead",
    "pipeline(framework=, return_all_scores=)": "pipeline('x', model='y', framework='pt')",
    "pipeline without a model": "pipeline('text-generation')",
    "bf16 without use_cpu": "TrainingArguments('x', bf16=True, disable_tqdm=True)",
    "progress bars in saved outputs": "TrainingArguments('x')",
    "clear_output, display_id": "clear_output(wait=True)",
    "display(display_id=)": "display(1, display_id='a')",
    "torch_dtype=": "AutoModel.from_pretrained('x', torch_dtype=torch.float16)",
    "from_tf=, from_flax=": "AutoModel.from_pretrained('x', from_tf=True)",
    "head_mask=": "model(**batch, head_mask=mask)",
    "use_auth_token=": "AutoModel.from_pretrained('x', use_auth_token=True)",
    "trust_remote_code=": "AutoModel.from_pretrained('x', trust_remote_code=True)",
    "pickled weights": "torch.load('pytorch_model.bin')",
}
FINE = """
TrainingArguments('x', eval_strategy='epoch', disable_tqdm=True, bf16=True, use_cpu=True)
load_dataset('stanfordnlp/imdb'); load_dataset('json', data_files='a.jsonl')
pipeline('text-generation', model=checkpoint)
figure.colorbar(image, label='attention weight')
model(**batch, labels=labels, attention_mask=mask)
BitsAndBytesConfig(load_in_8bit=True); tokenizer.chat_template
from torch.optim import AdamW
torch.load('state.pt', weights_only=True)
"""


def test_every_rule_of_the_scan_has_a_planted_call():
    assert set(PLANTED_CALLS) == {rule.name for rule in gone.RULES}


@pytest.mark.parametrize("rule", gone.RULES, ids=lambda rule: rule.name)
def test_scan_finds_the_planted_call_and_names_what_to_write_instead(rule):
    ast.parse(PLANTED_CALLS[rule.name])
    found = "\n".join(gone.findings(PLANTED_CALLS[rule.name]))
    assert rule.name in found and rule.replacement in found


def test_scan_has_nothing_against_what_is_written_today():
    assert list(gone.findings(FINE)) == []


@pytest.mark.parametrize(
    "call",
    [
        "torch.load('state.pt')",
        "torch.load('state.pt', weights_only=False)",
        "torch.load('state.pt', weights_only=safe)",
        "pickle.load(file)",
    ],
)
def test_only_state_without_code_may_be_loaded(call):
    (found,) = gone.findings(call)
    assert "pickled weights" in found and "weights_only=True" in found


def test_scan_reads_code_in_prose_and_skips_cells_that_show_a_trap():
    new = nbformat.v4
    notebook = new.new_notebook(
        cells=[
            new.new_markdown_cell("```python\ntokenizer.encode_plus('a')\n```"),
            new.new_code_cell(
                "tokenizer.encode_plus('a')", metadata={"tags": ["trap"]}
            ),
            new.new_code_cell("model(**batch, output_attentions=True)"),
        ]
    )
    found = list(gone.notebook_findings(notebook))
    assert len(found) == 2
    assert "cell 0" in found[0] and "eager" in found[1]


def test_traps_on_purpose_are_still_traps():
    """The tags are in use, and at least one hides a call that the scan would find."""
    shown = [
        cell
        for notebook in guards.ours().values()
        for cell in guards.code(notebook)
        if guards.tags(cell) & gone.SHOWN_ON_PURPOSE
    ]
    assert len(shown) >= 2 * len(guards.OURS)
    assert any(list(gone.findings(cell.source)) for cell in shown)


def test_path_of_a_repository_file_is_no_machine_path():
    assert not guards.PATHS.search("../data/models/all-MiniLM-L6-v2")
    assert guards.PATHS.search("/home/ann/hf/data")
