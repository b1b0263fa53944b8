"""Traps of streams: rows that are read one after the other, and never counted."""

from datasets import Dataset
from datasets.distributed import split_dataset_by_node

from tests.traps.catalogue import trap


@trap(
    136,
    "datasets",
    wrote="stream.shuffle(seed=0, buffer_size=20).take(5)",
)
def a_part_of_a_shuffled_stream_is_another_in_each_epoch():
    """`take` and `skip` behind `shuffle` part a stream anew in each epoch.

    You see: nothing; a validation score that is a little too good.

    What happens: `set_epoch` shuffles anew, and the parts are cut from that. Trainer calls it at
    each epoch, for the stream it trains on: rows that were set apart for validation come into
    training, all of them within a few epochs.

    Instead: `take` and `skip` first, `shuffle` behind them, which then mixes within its buffer only. A sorted file
    is better parted by a hash of the row, in `filter`.
    """
    stream = Dataset.from_dict({"n": range(20)}).to_iterable_dataset()

    def seen_in_training(training, validation):
        """Count the rows of validation that three epochs of training read."""
        apart, read = {row["n"] for row in validation}, set()
        for epoch in range(3):
            training.set_epoch(epoch)
            read |= {row["n"] for row in training}
        return len(apart & read)

    # You write
    shuffled = stream.shuffle(seed=0, buffer_size=20)
    validation, training = shuffled.take(5), shuffled.skip(5)
    # You get
    assert not {r["n"] for r in validation} & {r["n"] for r in training}  # at first
    assert seen_in_training(training, validation) >= 4
    # Instead
    validation = stream.take(5)
    training = stream.skip(5).shuffle(seed=0, buffer_size=20)
    assert seen_in_training(training, validation) == 0


@trap(137, "datasets")
def numbers_of_rows_begin_anew_in_each_process():
    """With `with_indices`, each process and each worker of a loader counts from 0.

    You see: two rows with one number, and predictions beside the wrong text; with `filter`, twice as many rows as you asked for.

    What happens: a worker or a process reads shards of its own, and counts what it reads. Of shuffled shards a row gets another number
    in each epoch as well. Read by one process all is right, so a first try shows nothing.

    Instead: put the number into the table before it becomes a stream, or into the files.
    """
    table = Dataset.from_dict({"text": list("abcdefgh")})
    stream = table.to_iterable_dataset(num_shards=2)

    def read(rows, column):
        """Read by two processes, each with one shard, as by DataLoader(num_workers=2)."""
        parts = [split_dataset_by_node(rows, rank, world_size=2) for rank in (0, 1)]
        return [row[column] for part in parts for row in part]

    # You write
    numbered = stream.map(lambda row, n: {"n": n}, with_indices=True)
    first = stream.filter(lambda row, n: n < 3, with_indices=True)
    # You get
    assert [row["n"] for row in numbered] == list(range(8))  # by one
    assert read(numbered, "n") == [0, 1, 2, 3, 0, 1, 2, 3]
    assert read(first, "text") == list("abcefg")
    # Instead
    numbered = table.add_column("n", list(range(8))).to_iterable_dataset(num_shards=2)
    assert read(numbered, "n") == list(range(8))
    assert read(numbered.filter(lambda row: row["n"] < 3), "text") == list("abc")
