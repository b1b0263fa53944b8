"""What a cell printed becomes one text for each stream, in time that grows with its length."""

import copy
import itertools

import nbclient.client
import pytest
from nbformat.v4 import new_output

from hf_tutorial import publish
from hf_tutorial.publish import streams
from tests.lessons import lesson, put


class Counted(str):
    """A text that counts the letters which its methods look at or copy."""

    looked_at = 0

    @classmethod
    def _counted(cls, found, letters):
        Counted.looked_at += letters
        return cls(found) if isinstance(found, str) else found

    def split(self, *what):
        Counted.looked_at += len(self)
        return [Counted(part) for part in super().split(*what)]

    def partition(self, sign):
        Counted.looked_at += len(self)
        return tuple(Counted(part) for part in super().partition(sign))

    def rfind(self, sign, *places):
        found = super().rfind(sign, *places)
        return self._counted(found, len(self) - max(found, 0))

    def __getitem__(self, places):
        found = super().__getitem__(places)
        return self._counted(found, len(found))


def one_by_one(text):
    """The same by taking away what stands before each carriage return, one after the other."""
    while "\r" in text[:-1]:
        text = text.partition("\r")[2]
    return text


def work(pass_over, text):
    Counted.looked_at = 0
    pass_over(Counted(text))
    return Counted.looked_at / len(text)


def test_texts_are_those_that_nbclient_makes():
    every = (
        "".join(signs)
        for n in range(8)
        for signs in itertools.product("ab\r\n", repeat=n)
    )
    for text in every:
        wanted = nbclient.client._RGX_CARRIAGERETURN.sub("", text)
        assert streams.last_written(text) == wanted, repr(text)


@pytest.mark.parametrize("bar", ["\r{} % of it", "{} and so on, ", "{}\n"])
def test_each_letter_is_looked_at_a_few_times_however_long_the_line(bar):
    text = "".join(bar.format(n) for n in range(20_000))
    assert work(streams.last_written, text) < 4


def test_counter_notices_work_that_grows_with_the_square():
    text = "".join(f"\r{n} %" for n in range(2_000))
    assert one_by_one(text) == streams.last_written(text)
    assert work(one_by_one, text) > 500


def printed(*pieces):
    return [new_output("stream", name=name, text=text) for name, text in pieces]


def test_pieces_of_a_stream_stand_where_the_first_did_and_stdout_before_stderr():
    shown = new_output("display_data", data={"text/plain": "a figure"})
    first = printed(("stderr", "10 %\r"), ("stdout", "a"), ("stderr", "20 %"))
    outputs = [*first, shown, *printed(("stdout", "b\n"))]
    made = streams.merged(copy.deepcopy(outputs))
    assert made == [*printed(("stdout", "ab\n"), ("stderr", "20 %")), shown]
    assert streams.merged([shown]) == [shown] and streams.merged([]) == []


def test_bar_in_a_cell_leaves_its_last_state_without_nbclients_pattern(
    checkout, monkeypatch
):
    class Refused:
        def sub(self, *what):
            raise AssertionError("its time grows with the square of a line's length")

    monkeypatch.setattr(nbclient.client, "_RGX_CARRIAGERETURN", Refused())
    bar = "for n in range(3):\n    print(f'\\r{n} of 3', end='', flush=True)"
    put(checkout, _01_bar=lesson(f"{bar}\nraise OSError", "1"))
    (execution,) = publish.execute(publish.discover(checkout / "notebooks"))
    assert "OSError" in execution.failure
    (stream,) = [o for o in execution.code[-2].outputs if o.output_type == "stream"]
    assert stream.text == "2 of 3"
