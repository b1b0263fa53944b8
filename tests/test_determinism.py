"""`make determinism` finds an output that depends on the processor's setting, or on hashes."""

import os
import platform
import subprocess
import sys

import nbformat
import pytest

from tests import determinism
from tests.lessons import saved

SHOWN = 'import os; print([os.environ.get(n) for n in ("ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS")])'


def hashes(seed):
    """What `hash("cat") % 1000` is under a seed."""

    return subprocess.run(
        [sys.executable, "-c", 'print(hash("cat") % 1000)'], text=True,
        capture_output=True, env=os.environ | {"PYTHONHASHSEED": str(seed)},
    ).stdout  # fmt: skip


@pytest.fixture
def pages(tmp_path):
    """A page whose number was saved under the hash seed 1, and one that prints a setting."""
    hashed = saved(("x = 1", ""), ('print(hash("cat") % 1000)', hashes(1)))
    held = saved((SHOWN, "['avx2', '2']\n"))
    paths = [tmp_path / "01_hashed.ipynb", tmp_path / "02_held.ipynb"]
    for path, notebook in zip(paths, (hashed, held), strict=True):
        nbformat.write(notebook, path)
    return paths


def test_output_that_depends_on_a_setting_or_a_hash_is_named(
    pages, tmp_path, monkeypatch
):
    monkeypatch.setenv("MKL_ENABLE_INSTRUCTIONS", "SSE2")  # not the setting's
    setting = determinism.SETTINGS["ATen AVX2, two threads"]
    same = determinism.compare(pages, setting, 1, tmp_path / "cache")
    assert (same.executed, same.differing) == (3, [])
    other = determinism.compare(pages, {}, 2, tmp_path / "cache")
    assert other.executed == 3
    named = [line.split(",")[0] for line in sorted(other.differing)]
    assert named == ["01_hashed.ipynb", "02_held.ipynb"]


def test_settings_cover_what_the_page_promises():
    held = [tuple(setting.items()) for setting in determinism.SETTINGS.values()]
    values = {pair for pairs in held for pair in pairs}
    for capability in ("default", "avx2", "avx512"):
        assert ("ATEN_CPU_CAPABILITY", capability) in values
    assert {value for name, value in values if name == "OMP_NUM_THREADS"} == set("123")
    assert {name for name, _ in values} == set(determinism.HELD)


def test_setting_that_the_processor_lacks_is_left_out(monkeypatch):
    monkeypatch.setattr(determinism.Path, "read_text", lambda path: "flags: sse4_2")
    monkeypatch.setattr(determinism.Path, "exists", lambda path: True)
    assert determinism.lacking({"ATEN_CPU_CAPABILITY": "avx512"}) == "avx512f"
    assert determinism.lacking({"ATEN_CPU_CAPABILITY": "default"}) == ""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="flags as x86 has them")
def test_flags_of_this_processor_are_read():
    assert determinism.lacking({"ATEN_CPU_CAPABILITY": "avx2"}) in ("", "avx2")


def test_words_choose_notebooks_and_settings():
    files, names = determinism.chosen(["03", "SSE"])
    assert [path.name[:2] for path in files] == ["03"] and len(names) == 1
    assert determinism.chosen([])[1] == list(determinism.SETTINGS)
    assert len(determinism.chosen(["AVX2 in"])[0]) == 11
    with pytest.raises(SystemExit, match="'97' begins no setting and no notebook"):
        determinism.chosen(["97"])
