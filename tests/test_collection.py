"""Which files are notebooks of the collection, and how a bad one is named."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hf_tutorial import collection
from tests.lessons import lesson, put


def test_two_digits_a_line_and_a_topic_put_a_file_into_the_collection(checkout):
    taken = ["00_a", "10_own_data", "10_own-data (2)", "99_z"]
    others = ["my notes", "1_a", "100_a", "10-own", "a10_b", "10 own"]
    put(checkout, **{f"_{name}": lesson("1") for name in taken + others})
    notebooks = checkout / "notebooks"
    (notebooks / "11_folder.ipynb").mkdir()
    (notebooks / "12_text.md").touch()
    (notebooks / "deeper").mkdir()
    (notebooks / "deeper" / "13_deeper.ipynb").touch()
    assert {path.stem for path in collection.discover(notebooks)} == set(taken)
    assert {path.stem for path in collection.left_alone(notebooks)} == set(others)


def test_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebooks named NN_topic.ipynb"):
        collection.discover(tmp_path)


NONE = {
    "": "the file is empty",
    " \n": "the file is empty",
    "Ask about pads.": r"not JSON \(Expecting value: line 1",
    "[" * 100_000: "not JSON",
    "{}": "its JSON has no 'nbformat'",
    "[1]": "its JSON has no 'nbformat'",
    '"nbformat"': "its JSON has no 'nbformat'",
    '{"nbformat": 4}': "a damaged notebook: .*missing an expected key",
    '{"nbformat": 9}': "a damaged notebook: .*Unsupported nbformat version 9",
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}': "damaged",
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": []}': "damaged",
}


@pytest.mark.parametrize("text", NONE, ids=lambda text: text[:20] or "empty")
def test_file_that_holds_no_notebook_is_named_with_the_reason(tmp_path, text):
    path = tmp_path / "11_notes.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"^11_notes\.ipynb .*{NONE[text]}") as caught:
        collection.read(path)
    assert len(str(caught.value)) < 250 and "\n" not in str(caught.value)


def test_bytes_and_lost_files_are_named_too(tmp_path):
    path = tmp_path / "11_notes.ipynb"
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        collection.read(path)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="not a text in UTF-8"):
        collection.read(path)


OLDEST = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "input": "1 + 1",
                    "outputs": [],
                    "language": "python",
                    "metadata": {},
                }
            ],
        }
    ],
}


@pytest.mark.parametrize("minor", [3, 2, 5])
def test_any_format_is_read_as_4_5_with_an_id_for_each_cell(tmp_path, recwarn, minor):
    path = tmp_path / "10_own_data.ipynb"
    if minor == 3:
        path.write_text(json.dumps(OLDEST), encoding="utf-8")
    else:
        cells = [new_code_cell("1 + 1", id="same"), new_markdown_cell("a", id="same")]
        notebook = new_notebook(cells=cells) | {"nbformat_minor": minor}
        if minor == 2:
            for cell in notebook["cells"]:
                del cell["id"]
        path.write_text(json.dumps(notebook), encoding="utf-8")
    recwarn.clear()
    read = collection.read(path)
    assert (read.nbformat, read.nbformat_minor) == (4, 5)
    assert read.cells[0].source == "1 + 1"
    assert len({cell.id for cell in read.cells}) == len(read.cells)
    nbformat.validate(read)
    assert not recwarn.list


def test_title_and_question_are_those_of_a_first_cell_in_words():
    words = "# A title\n\n**Is it so?**"
    notebook = new_notebook(cells=[new_markdown_cell(words)])
    assert collection.title(notebook) == "A title"
    assert collection.question(notebook) == "Is it so?"
    code = new_notebook(cells=[new_code_cell(words), new_markdown_cell(words)])
    for other in (code, new_notebook()):
        assert collection.title(other) is None and collection.question(other) is None
