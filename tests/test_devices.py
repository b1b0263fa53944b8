"""The scan for choices of a device: what it finds, what it lets pass, what counts as a reason."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hf_tutorial import publish
from tests import devices, guards

HIDES = 'import os\nos.environ["CUDA_VISIBLE_DEVICES"] = ""'


def complaints(*cells):
    """Scan a notebook: `# ...` headings and prose begin with a capital letter or `#`."""
    made = [
        new_markdown_cell(cell[3:]) if cell.startswith("md:") else new_code_cell(cell)
        for cell in cells
    ]
    return list(devices.complaints(new_notebook(cells=made)))


CHOICES = [
    "model.to('cuda')",
    "model.to('cuda:0')",
    "model.cuda()",
    "device = torch.device('cpu')",
    "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
    "pipeline('x', model=m, device='cpu')",
    "TrainingArguments('x', use_cpu=True)",
    "settings = {'use_cpu': True}",
    "accelerator = Accelerator(cpu=True)",
    "with torch.autocast('cpu'): pass",
    "m = AutoModel.from_pretrained('x', device_map='auto')",
    HIDES,
]


@pytest.mark.parametrize("code", CHOICES)
def test_choice_without_a_reason_is_found(code):
    (found,) = complaints("md:Some words.", code, "md:More words.")
    assert "chooses a device" in found and "says why" in found


@pytest.mark.parametrize("code", CHOICES)
@pytest.mark.parametrize(
    "cells",
    [
        ("md:A", "{code}  # the CPU, for its numbers", "md:B"),
        ("md:A GPU would do as well.", "x = 1", "{code}", "md:B"),
        ("md:A", "{code}", "x = 1", "md:All this is on the CPU."),
    ],
    ids=["comment", "prose-before", "prose-after"],
)
def test_reason_in_a_comment_or_the_prose_beside_it_is_enough(code, cells):
    assert complaints(*(cell.format(code=code) for cell in cells)) == []


def test_reason_further_away_is_not_enough():
    assert complaints(
        "md:On the CPU.", "x = 1", "md:Words.", "model.cuda()", "md:Words."
    )


def test_reason_in_the_code_itself_is_none():
    assert complaints("md:A", "print('on the CPU', model.to('cpu'))", "md:B")


@pytest.mark.parametrize(
    "code",
    [
        "batch.to(device)",
        "inputs.to(model.device)",
        "loss.cpu()",
        "half = model.to(torch.bfloat16)",
        "with torch.device('meta'): pass",
        "pipeline('x', model='folder')",
        "pipeline('x', model=m, tokenizer=t, device=m.device)",
    ],
)
def test_what_follows_another_choice_is_none(code):
    assert complaints("md:A", code, "md:B") == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("TrainingArguments('x')", "without use_cpu moves the model to a GPU"),
        ("TrainingArguments('x', **settings)", "without use_cpu"),
        ("a = Accelerator()", "takes a GPU"),
        ("pipeline('x', model=m, tokenizer=t)", "moves the model it is given"),
    ],
)
def test_choice_by_silence_is_found(code, said):
    (found,) = complaints("md:Also on a GPU.", code)
    assert said in found


def test_settings_that_are_passed_on_may_hold_the_choice():
    settings = "settings = {'use_cpu': True}  # the CPU, for its numbers"
    assert complaints(settings, "TrainingArguments('x', **settings)") == []


def test_page_that_hides_the_gpu_needs_its_reason_once():
    reason = f"{HIDES}  # the CPU, which two processes can share"
    pins = ["Accelerator(cpu=True)", "TrainingArguments('x')", "model.to('cpu')"]
    assert complaints(reason, "md:A", *pins, "md:B") == []
    (found,) = complaints(HIDES, "md:A", *pins, "md:B")
    assert "CUDA_VISIBLE_DEVICES" in found


def test_notebooks_choose_devices_and_the_scan_sees_it():
    """A scan that found nothing in any notebook would guard nothing."""
    chosen = {
        path.name[:2]
        for path in publish.discover()
        for cell in guards.code(nbformat.read(path, as_version=4))
        for node in devices.ast.walk(devices.ast.parse(cell.source))
        if devices.choice(node)
    }
    assert chosen >= {"05", "06", "07", "08", "09"}
