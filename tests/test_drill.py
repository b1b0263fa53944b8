"""What `make drill` does to a checkout, in small; and that it would see what is lost."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from hf_tutorial import sources
from hf_tutorial.publish import writing
from tests import drill, drill_collection, lessons


@pytest.fixture
def root(tmp_path):
    return drill_collection.checkout(tmp_path / "checkout")


def test_half_a_notebook_a_missing_and_a_strange_one_are_seen(root):
    notebooks = root / "notebooks"
    before = lessons.contents(notebooks)
    assert drill_collection.lost(root, before, before) == []
    page = notebooks / "01_page.ipynb"
    page.write_bytes(page.read_bytes()[:100])
    (notebooks / "02_page.ipynb").unlink()
    (notebooks / "04_page.ipynb").write_text("{}")
    seen = drill_collection.lost(root, before, before)
    assert seen == ["01_page.ipynb", "02_page.ipynb", "04_page.ipynb"]


def test_recording_of_a_slower_machine_is_no_loss(root):
    notebooks = root / "notebooks"
    before = lessons.contents(notebooks)
    text = b"Minutes: 5; all cells run in about 10 seconds."
    after = before | {"01_page.ipynb": text}
    (notebooks / "01_page.ipynb").write_bytes(text.replace(b"10", b"20"))
    assert drill_collection.lost(root, before, after) == []
    (notebooks / "01_page.ipynb").write_bytes(text.replace(b"5", b"6"))
    assert drill_collection.lost(root, before, after) == ["01_page.ipynb"]


def test_recording_that_is_killed_loses_nothing(tmp_path):
    assert drill_collection.killed("record", tmp_path, kills=1, count=1) == []


def test_recording_that_spoils_a_page_before_it_ends_is_seen(tmp_path, monkeypatch):
    spoiled = tmp_path / "killed/notebooks/01_page.ipynb"
    program = f"open({str(spoiled)!r}, 'w').close()\n{drill_collection.PROGRAM}"
    monkeypatch.setattr(drill_collection, "PROGRAM", program)
    assert "01_page.ipynb" in drill_collection.killed("record", tmp_path, 1, count=1)


def mounts():
    """Can a folder be mounted read-only here?"""
    words = ["unshare", "-rm", "true"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(words, capture_output=True).returncode
    )


@pytest.mark.skipif(not mounts(), reason="no mounts of one's own")
@pytest.mark.parametrize(
    ("program", "found"),
    [
        (drill_collection.PROGRAM, None),
        ("", "notebooks: went on as if nothing had been"),
        (
            "import os, sys; os.mkdir(sys.argv[2] + '/notebooks/x')",
            "OSError: [Errno 30]",
        ),
    ],
)
def test_read_only_folder_ends_in_a_sentence(tmp_path, monkeypatch, program, found):
    monkeypatch.setattr(drill_collection, "PROGRAM", program)
    said = drill_collection.read_only("record", tmp_path / "shut", "notebooks")
    assert found in said[0] if found else said == []


def test_page_that_is_cut_off_is_seen(root):
    pages = root / "build" / "pages"
    pages.mkdir(parents=True)
    (pages / "01_page.html").write_text("<main></main></html>\n")
    assert drill_collection.half_pages(root) == []
    (pages / "02_page.html").write_text("<main><p>hal")
    assert drill_collection.half_pages(root) == ["02_page.html"]


def test_damage_that_nobody_names_is_seen(tmp_path, monkeypatch):
    tried, unnoticed = drill_collection.damaged(tmp_path / "one", most=1)
    assert (tried, unnoticed) == (len(drill_collection.WAYS), [])
    monkeypatch.setattr(sources, "damage", lambda: [])
    tried, unnoticed = drill_collection.damaged(tmp_path / "two", most=1)
    assert len(unnoticed) == tried


def test_what_was_lost_stands_in_the_table_and_is_a_failure(monkeypatch, capsys):
    rows = {"good": [("kills", 20, [])], "bad": [("fires", 2, ["a page", "two"])]}
    monkeypatch.setattr(drill, "PARTS", {n: lambda _, r=r: r for n, r in rows.items()})
    assert drill.main(["good"]) == 0
    assert "| kills | 20 | nothing |" in capsys.readouterr().out
    assert drill.main([]) == 1
    assert "| fires | 2 | a page; two |" in capsys.readouterr().out


def test_two_that_write_at_once_leave_one_whole_folder(tmp_path, monkeypatch):
    folder, ready = tmp_path / "pages", threading.Barrier(2)
    processes = {"one": os.getppid(), "two": 1}  # both are alive
    name_of = threading.current_thread
    monkeypatch.setattr(os, "getpid", lambda: processes[name_of().name])

    def write(word):
        with writing.replacing(folder) as new:
            for number in range(5):
                (new / f"{number}").write_text(word)
            ready.wait(10)

    threads = [threading.Thread(target=write, args=[n], name=n) for n in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({file.read_text() for file in folder.iterdir()}) == 1
    assert len(list(folder.iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


def test_what_a_killed_process_left_is_removed_and_a_living_ones_is_not(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, alive = (tmp_path / f".pages.new-{pid}" for pid in (gone.pid, os.getppid()))
    for folder in (dead, alive):
        folder.mkdir()
    (tmp_path / f".a.txt.new-{gone.pid}").write_text("half")
    writing.replace_all({tmp_path / "a.txt": b"whole"})
    with writing.replacing(tmp_path / "pages") as new:
        assert not dead.exists() and alive.exists()
        (new / "page").write_text("x")
    assert {p.name for p in tmp_path.iterdir()} == {"pages", "a.txt", alive.name}
    shutil.rmtree(alive)


def test_what_an_earlier_process_of_our_own_number_left_is_removed(tmp_path):
    """In a container each process has the number that the last one had."""
    (tmp_path / f".pages.new-{os.getpid()}").mkdir()
    (tmp_path / f".[1].txt.new-{os.getpid()}").mkdir()
    writing.replace_all({tmp_path / "[1].txt": b"whole"})
    with writing.replacing(tmp_path / "pages") as new:
        (new / "page").write_text("x")
        with pytest.raises(FileExistsError), writing.replacing(tmp_path / "pages"):
            pass  # our own, which is being filled, stays
        assert (new / "page").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"pages", "[1].txt"}


def test_damaged_curves_of_06_are_named(tmp_path, monkeypatch):
    data = tmp_path / "data"
    shutil.copytree(sources.DATA / "curves", data / "curves")
    shutil.copyfile(sources.DATA / "checksums.sha256", data / "checksums.sha256")
    monkeypatch.setattr(sources, "DATA", data)
    assert not any("data/curves" in sentence for sentence in sources.damage())
    (data / "curves" / "four_ways.json").write_text("{")
    found = [s for s in sources.damage() if "data/curves" in s]
    assert len(found) == 1 and "four_ways.json" in found[0]
