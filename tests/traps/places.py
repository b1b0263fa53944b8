"""Where a reader meets a trap: a module for each place, in the order of the page."""

import importlib

from tests.traps.catalogue import ENTRIES, Trap

PLACES = {
    "tokenizers": "Tokenizers",
    "loading": "Loading a model, and calling it",
    "data": "Data",
    "tables": "Making a table",
    "streams": "Streams",
    "loop": "The training loop",
    "trainer": "Trainer",
    "processes": "Accelerate and several processes",
    "resuming": "Stopping and going on",
    "generation": "Generation",
    "adapters": "Adapters",
    "hub": "The Hub",
    "notebooks": "Notebooks",
}

# Where else a reader would look for an entry.
MET_THERE_TOO = {
    "data": (118, 131, 134, 151, 152),
    "streams": (65, 117),
    "generation": (21,),
}

# Entries about one matter, each of which points to the others.
FAMILIES = {
    "train mode": (18, 28, 44, 157),
    "arguments that nobody reads": (1, 13, 24, 108, 130),
    "half precision": (12, 29, 43, 100, 105),
    "padding": (8, 20, 47, 50),
    "the template of a conversation": (51, 111, 112, 113, 114, 124, 125),
    "merging an adapter": (60, 126, 145),
    "the end of a text": (21, 52, 128),
    "random masks": (25, 53),
    "losses that are divided wrongly": (37, 38, 39, 93, 104),
    "seeds": (9, 66, 103, 107),
    "a folder that was used before": (27, 95, 102, 143),
    "going on in an epoch": (65, 89, 90, 92),
    "rows that are dealt twice": (15, 91, 107),
    "how many processes and threads": (14, 97),
    "the cache of generation": (44, 46, 55, 56, 62),
    "settings of generation": (22, 57, 58),
    "tied weights": (59, 60),
    "a cache that is out of date": (70, 133),
    "a run that is resumed": (41, 45, 139),
    "names that match nothing": (127, 146),
    "shuffled streams": (65, 117, 136),
    "more rows, or fewer": (68, 73, 106, 138),
    "types of columns": (63, 64, 67, 69, 135),
    "numbers of classes": (134, 151, 152),
}

# What is known and has no proof of a few lines: number to text, the reason included.
TOLD = {
    36: "A torchrun of two processes can end with SIGABRT at the exit of Python, after correct output "
    "(4 of 10 runs). Judge a run by what it wrote. *Not proved*: it is a matter of chance.",
    80: "ipykernel 7 shows what a thread prints in the cell that runs at that moment; 6 lost it. "
    "*Not proved*: it needs a kernel and two of its versions.",
    88: "Accumulation that is asked of Accelerate (2) and of DeepSpeed's own file (4): the file wins, one "
    "line in the log says so, and the model is another. *Not proved*: DeepSpeed compiles a part of itself "
    "at its first start, for minutes.",
    81: "JupyterLab shows the first line of a cell whose source is folded (`source_hidden`): begin a "
    "solution with a comment. *Not proved*: it is seen in a browser.",
    84: "reveal.js 6 shows blank slides with nbconvert 7.17; 5.2.1 works. *Not proved*: it is seen in a "
    "browser, with a script from outside.",
    129: "DPOTrainer (TRL 1.16), given a model and neither `ref_model` nor an adapter, reads its reference from the folder "
    "that the model was loaded from. A model fine-tuned since then is compared with its untaught state: look whether the first "
    "loss is log 2. *Not proved*: TRL is not installed here; "
    "[a script](../findings/trl_dpo_reference_is_read_from_disk.sh) shows it.",
    144: "`safetensors.numpy.save_file` (0.8.0) of a transposed array writes its numbers in the order in which they lie in memory: the file has the right "
    "shape and the wrong values. The one for tensors raises an error there. `np.ascontiguousarray` before saving. *Not proved*: safetensors has no pin of its own; "
    "[a script](../findings/safetensors_numpy_transposed_array_is_scrambled.sh) shows it.",
    148: "torchao (0.18) leaves a GPT-2 as it is: its layers are no `nn.Linear`, and `from_pretrained` with a TorchAoConfig gives a model in which nothing is quantized. "
    "`get_memory_footprint` does not tell, since it is the same for a Llama that is quantized: look at the size of the saved file. *Not proved*: torchao is not installed here; "
    "[a script](../findings/torchao_leaves_gpt2_as_it_is.sh) shows it.",
    149: "SFTTrainer (TRL 1.16) accepts `completion_only_loss=True` for rows of one text and for conversations, and trains on every token, questions "
    "included; for conversations it is `assistant_only_loss`. Look at the labels of one row. *Not proved*: TRL is not installed here; "
    "[a script](../findings/trl_completion_only_loss_is_not_kept.sh) shows it.",
}
# What reaches no reader of these libraries, and why it is not on the page.
DROPPED = {
    7: "a message above a commented-out line is a slip of one tutorial, which notebook 05 shows; the fault "
    "with best checkpoints that one does not see is 110",
    72: "hardly anybody writes metric scripts, and one with two imports on a line is refused at once",
    82: "that default alt texts pass an accessibility checker is about the checker, axe",
}


def by_place() -> dict[str, list[Trap]]:
    """Give the entries of each place, in the order of their module."""
    for name in PLACES:
        importlib.import_module(f"tests.traps.{name}")
    found = {name: [] for name in PLACES}
    for entry in ENTRIES.values():
        name = entry.function.__module__.rpartition(".")[2]
        if name in found:  # a test may plant others
            found[name].append(entry)
    return found


def all_entries() -> dict[int, Trap]:
    """Give every entry under its number."""
    return {e.number: e for entries in by_place().values() for e in entries}
