"""What was measured goes into README, once for each target, with its day and machine."""

import datetime

from tests import measured

README = "# Top\n\n## As measured\n\nText.\n\n## Licence\n\nFree.\n"


def test_table_ends_the_section_and_takes_the_place_of_the_older_one():
    first = measured.with_table(README, "drill", "| a |", "2026-11-28", "a machine")
    assert first.index("Text.") < first.index("| a |") < first.index("## Licence")
    assert "`make drill`, 2026-11-28, on a machine:" in first
    second = measured.with_table(
        first, "bench BASE=1", "| b |", "2026-11-29", "another"
    )
    assert "`make bench BASE=1`, 2026-11-29, on another:" in second
    again = measured.with_table(
        second, "bench BASE=2", "| d |", "2026-11-30", "another"
    )
    assert "| b |" not in again and again.count("end of bench") == 1
    assert second.index("| a |") < second.index("| b |") < second.index("## Licence")
    third = measured.with_table(second, "drill", "| c |", "2026-11-30", "a third")
    assert "| a |" not in third and "| b |" in third and "| c |" in third
    assert third.count("end of drill") == 1 and third.endswith("Free.\n")


def test_readme_is_written_only_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "README", tmp_path / "README.md")
    measured.README.write_text(README)
    monkeypatch.delenv("README", raising=False)
    measured.into_readme("drill", "| a |")
    assert measured.README.read_text() == README
    monkeypatch.setenv("README", "1")
    measured.into_readme("drill", "| a |")
    text = measured.README.read_text()
    assert (
        str(datetime.date.today()) in text and "cores, " in text and "Python 3." in text
    )
