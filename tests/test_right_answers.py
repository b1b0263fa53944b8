"""Checks of notebooks 00 to 04: right answers that differ in kind, wrong ones that students write."""

import collections
import csv
import json
import math
import re
import struct

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer, DataCollatorWithPadding, PreTrainedTokenizerBase

from hf_tutorial import checks, sources

ENCODER = AutoTokenizer.from_pretrained(sources.checkpoint("encoder"))


def share_in_float32(lengths, size):
    batches = torch.tensor(lengths, dtype=torch.float32).split(size)
    places = sum(batch.max() * len(batch) for batch in batches)
    return (places - sum(batch.sum() for batch in batches)) / places


def share_of_masks(lengths, size):
    pads = places = 0
    for start in range(0, len(lengths), size):
        batch = np.array(lengths[start : start + size])
        mask = np.arange(batch.max()) < batch[:, None]
        pads, places = pads + (~mask).sum(), places + mask.size
    return np.float32(pads / places)


def share_by_frame(lengths, size):
    frame = pd.DataFrame({"length": lengths})
    widths = frame.groupby(frame.index // size)["length"].transform("max")
    return 1 - frame["length"].sum() / widths.sum()


def by_pad_sequence(rows):
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    ones = [torch.ones_like(row) for row in ids]
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "attention_mask": pad_sequence(ones, batch_first=True),
        "labels": torch.tensor([row["label"] for row in rows]),
    }


def by_arrays(rows):
    lengths = np.array([len(row["input_ids"]) for row in rows])
    ids = np.zeros((len(rows), lengths.max()), dtype=np.int32)
    for line, row in zip(ids, rows, strict=True):
        line[: len(row["input_ids"])] = row["input_ids"]
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype("int32")
    labels = torch.tensor([row["label"] for row in rows], dtype=torch.int32)
    return collections.OrderedDict(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(mask),
        labels=labels,
    )


def words(text):
    return re.findall(r"\w+", text.lower())


def leaks_by_frame(train, test):
    def plain(texts):
        texts = pd.Series(texts).str.lower().str.replace(r"[^\w\s]", "", regex=True)
        return texts.str.split().str.join(" ")

    return plain(test)[plain(test).isin(plain(train))].index


def leaks_in_an_array(train, test):
    known = {tuple(words(text)) for text in train}
    return np.flatnonzero([tuple(words(text)) in known for text in test])


def leaks_by_translate(train, test):
    drop = str.maketrans("", "", ".,!?")
    known = {" ".join(text.lower().translate(drop).split()) for text in train}
    found = set()
    for place, text in enumerate(test):
        if " ".join(text.lower().translate(drop).split()) in known:
            found.add(place)
    return found


NAMES = datasets.ClassLabel(names=["negative", "positive"])


def shop_by_pandas(path):
    frame = pd.read_csv(path, dtype={"sku": str}).dropna(subset="text")
    frame = frame[frame["stars"] != 3]
    frame["label"] = (frame["stars"] > 3).astype(int)
    table = datasets.Dataset.from_pandas(frame, preserve_index=False)
    table = table.cast_column("label", NAMES)
    parts = table.train_test_split(test_size=4, seed=1, stratify_by_column="label")
    return datasets.DatasetDict(train=parts["train"], validation=parts["test"])


def shop_by_hand(path):
    kept = {0: [], 1: []}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["text"].strip() and row["stars"] != "3":
                label = int(row["stars"] in "45")
                kept[label].append({**row, "label": label})
    kinds = datasets.Features(
        {name: datasets.Value("string") for name in ("sku", "text", "stars")}
        | {"label": NAMES}
    )
    cut = {
        "train": kept[0][2:] + kept[1][2:],
        "validation": kept[0][:2] + kept[1][:2],
    }
    return datasets.DatasetDict(
        {
            name: datasets.Dataset.from_list(rows, features=kinds)
            for name, rows in cut.items()
        }
    )


def shop_by_words(path):
    kinds = {name: datasets.Value("string") for name in ("sku", "text")}
    kinds["stars"] = datasets.Value("int64")
    table = datasets.load_dataset(
        "csv",
        data_files={"shop": path},
        features=datasets.Features(kinds),
        split="shop",
    )
    table = table.filter(
        lambda rows: [bool(text) for text in rows["text"]], batched=True
    )
    table = table.filter(lambda row: row["stars"] in (1, 2, 4, 5))
    names = {1: "negative", 2: "negative", 4: "positive", 5: "positive"}
    table = table.map(
        lambda row: {"label": names[row["stars"]]}, remove_columns="stars"
    )
    table = table.class_encode_column("label")
    order = sorted(range(len(table)), key=lambda i: (i * 7) % len(table))
    parts = {0: [], 1: []}
    for i in order:
        parts[table[i]["label"]].append(i)
    held = parts[0][:2] + parts[1][:2]
    rest = [i for i in range(len(table)) if i not in held]
    return datasets.DatasetDict(train=table.select(rest), validation=table.select(held))


def header(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))


def numbers_by_library(path):
    with safe_open(path, "pt") as file:
        return sum(file.get_tensor(name).numel() for name in file.keys())


def numbers_by_slice(path):
    with safe_open(path, "np") as file:
        return np.sum([np.prod(file.get_slice(n).get_shape()) for n in file.keys()])


def numbers_by_offsets(path):
    sizes = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8}
    entries = [e for name, e in header(path).items() if name != "__metadata__"]
    return sum(
        (e["data_offsets"][1] - e["data_offsets"][0]) // sizes[e["dtype"]]
        for e in entries
    )


def softmax_in_numpy(logits):
    powers = np.exp(np.asarray(logits) - np.max(logits))
    return powers / powers.sum()


def softmax_by_logarithms(logits):
    largest = max(logits)
    total = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return (math.exp(x - total) for x in logits)


def unknown_by_ids(text, tokenizer):
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    return (ids == tokenizer.unk_token_id).float().mean()


def unknown_by_words(text, tokenizer):
    ids = tokenizer.encode(text, add_special_tokens=False)
    return np.mean([i == tokenizer.unk_token_id for i in ids])


def unknown_by_mask(text, tokenizer):
    kept = tokenizer(text, return_special_tokens_mask=True)
    pairs = zip(kept["input_ids"], kept["special_tokens_mask"], strict=True)
    ids = [i for i, special in pairs if not special or i == tokenizer.unk_token_id]
    return ids.count(tokenizer.unk_token_id) / len(ids)


MASK = [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]


def source_by_span(text, tokenizer: PreTrainedTokenizerBase, position):
    span = tokenizer(text).token_to_chars(position)
    return text[span.start : span.end] if span else ""


def source_by_offsets(text, tokenizer, position):
    begin, end = tokenizer(text, return_offsets_mapping=True)["offset_mapping"][
        position
    ]
    return text[begin:end]


def source_in_torch(text, tokenizer, position):
    batch = tokenizer([text], return_offsets_mapping=True, return_tensors="pt")
    begin, end = batch["offset_mapping"][0, position]
    return text[begin:end]


def changes_in_a_stack(states):
    stacked = torch.stack(states)
    return stacked.diff(dim=0).abs().flatten(1).amax(dim=1)


def changes_in_numpy(states):
    return [
        np.abs(after.numpy() - before.numpy()).max()
        for before, after in zip(states[:-1], states[1:], strict=True)
    ]


def changes_by_norm(states):
    pairs = zip(states, states[1:], strict=False)
    return tuple(
        torch.linalg.vector_norm(b - a, ord=math.inf).half().item() for a, b in pairs
    )


def new_by_lists(info):
    names = [*info["missing_keys"]]
    names += [name for name, *_ in info["mismatched_keys"]]
    names.sort()
    return names


def itself_by_einsum(weights):
    return torch.einsum("lhqq->lh", weights) / weights.shape[-1]


def itself_in_a_loop(weights):
    return [
        [sum(float(head[i][i]) for i in range(len(head))) / len(head) for head in layer]
        for layer in weights
    ]


def itself_by_identity(weights):
    return (
        (weights * torch.eye(weights.shape[-1])).sum((-2, -1)) / weights.shape[-1]
    ).numpy()


RIGHT = {
    "softmax_by_hand": [
        softmax_in_numpy,
        softmax_by_logarithms,
        lambda logits: torch.tensor(logits).softmax(dim=0),
        lambda logits: pd.Series(softmax_in_numpy(logits)),
    ],
    "fooled": [
        ("I wanted to love it.", "negative"),
        ["I wanted to love it.", "NEGATIVE"],
        np.array(["I wanted to love it.", "NEGATIVE"]),
    ],
    "numbers_in": [numbers_by_library, numbers_by_slice, numbers_by_offsets],
    "unknown_share": [unknown_by_ids, unknown_by_words, unknown_by_mask],
    "attention_mask": [MASK, np.array(MASK), torch.tensor(MASK, dtype=torch.int32)],
    "windows": [7.0, np.int64(7), torch.tensor(7), 1 + math.ceil((300 - 62) / 46)],
    "source_of": [source_by_span, source_by_offsets, source_in_torch],
    "change_by_layer": [changes_in_a_stack, changes_in_numpy, changes_by_norm],
    "gigabytes": [
        7e9 * 4 * 4 / 1e9,
        np.float32(7e9) * np.float32(16e-9),
        torch.tensor(7e9) * 16 / 1e9,
        112.04,
    ],
    "new_parameters": [
        new_by_lists,
        lambda info: tuple(new_by_lists(info)),
        lambda info: np.array(new_by_lists(info)),
        lambda info: pd.Series(new_by_lists(info)),
    ],
    "largest_weights": [
        (np.float32(0.8605), np.float32(0.2893)),
        torch.tensor([0.861, 0.289]),
        [0.86, 0.29],
    ],
    "share_on_itself": [itself_by_einsum, itself_in_a_loop, itself_by_identity],
    "repeated_word_head": [
        [2, 9],
        torch.tensor([[2, 9]]),
        divmod(33, 12),
        np.array([2, 9]),
    ],
    "padding_share": [share_in_float32, share_of_masks, share_by_frame],
    "collated": [
        by_pad_sequence,
        by_arrays,
        lambda rows: DataCollatorWithPadding(ENCODER)(rows),
        lambda rows: by_pad_sequence(rows) | {"token_type_ids": None},
    ],
    "prepared": [shop_by_pandas, shop_by_hand, shop_by_words],
    "leaked": [leaks_by_frame, leaks_in_an_array, leaks_by_translate],
}
WRONG = {
    "gigabytes": [np.float32(28), 104.3081, 7],
    "softmax_by_hand": [
        lambda logits: np.exp(logits) / np.sum(np.exp(logits)),
        lambda logits: torch.tensor(logits).sigmoid(),
        lambda logits: torch.tensor(logits).log_softmax(dim=0),
    ],
    "fooled": [
        ("A dull film.", "NEGATIVE"),
        ("NEGATIVE", "I wanted to love it."),
        "I wanted to love it.",
    ],
    "numbers_in": [
        lambda path: sum(e["data_offsets"][1] for e in list(header(path).values())[1:]),
        lambda path: len(header(path)),
        lambda path: sum(
            sum(e["shape"]) for n, e in header(path).items() if n != "__metadata__"
        ),
    ],
    "unknown_share": [
        lambda text, t: t(text)["input_ids"].count(t.unk_token_id) / len(text.split() + [0, 0]),
        lambda text, t: 1 - len(set(text.split()) & set(t.get_vocab())) / len(set(text)),
        lambda text, t: t.tokenize(text).count("[UNK]") / len(t.tokenize(text)),
    ],
    "attention_mask": [np.zeros((2, 6)), [[1] * 6] * 2, torch.tensor(MASK).T],
    "windows": [300 / 46, math.ceil(300 / 64), 300 // 46],
    "source_of": [
        lambda text, t, i: t.convert_ids_to_tokens(t(text)["input_ids"])[i],
        lambda text, t, i: text.split()[0],
        lambda text, t, i: t.decode(t(text)["input_ids"][i]),
    ],
    "change_by_layer": [
        lambda states: [(b - a).abs().sum() for a, b in zip(states, states[1:], strict=False)],
        lambda states: max((b - a).abs().max() for a, b in zip(states, states[1:], strict=False)),
        lambda states: [state.abs().max() for state in states[1:]],
    ],
    "new_parameters": [
        lambda info: sorted(info["missing_keys"]),
        lambda info: sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]])),
        lambda info: len(new_by_lists(info)),
    ],
    "largest_weights": [(0.86, 0.86), (0.289, 0.861), (0.5, 0.5)],
    "share_on_itself": [
        lambda w: w.diagonal().mean(),
        lambda w: w.mean(dim=-1).mean(dim=-1),
        lambda w: w.amax(dim=(-2, -1)),
    ],
    "repeated_word_head": [33, (9, 2), (2, 8)],
    "padding_share": [
        lambda lengths, size: 1 - sum(lengths) / (max(lengths) * len(lengths)),
        lambda lengths, size: float(np.mean([1 - np.mean(b) / max(b) for b in np.split(np.array(lengths), [2, 4])])),
        lambda lengths, size: share_by_frame(sorted(lengths), size),
    ],
    "collated": [
        lambda rows: by_pad_sequence(rows) | {"attention_mask": by_pad_sequence(rows)["input_ids"].ne(0).long()},
        lambda rows: by_pad_sequence(rows) | {"attention_mask": by_pad_sequence(rows)["attention_mask"].float()},
        lambda rows: ENCODER.pad({"input_ids": [row["input_ids"] for row in rows]}, return_tensors="pt"),
        lambda rows: DataCollatorWithPadding(ENCODER, padding="max_length", max_length=8)(rows),
    ],
    "prepared": [
        lambda path: datasets.load_dataset("csv", data_files=path),
        lambda path: datasets.load_dataset("csv", data_files=path)["train"].train_test_split(0.25),
        lambda path: pd.read_csv(path),
    ],
    "leaked": [
        lambda train, test: [i for i, t in enumerate(test) if any(t.lower() in u.lower() for u in train)],
        lambda train, test: [
            i
            for i, t in enumerate(test)
            if any(len({*words(t)} & {*words(u)}) >= 3 for u in train)
        ],
        lambda train, test: [t for t in test if words(t) in [words(u) for u in train]],
    ],
}  # fmt: skip
PAIRS = {
    kind: [(name, answer) for name, answers in table.items() for answer in answers]
    for kind, table in (("right", RIGHT), ("wrong", WRONG))
}


def test_every_check_of_these_pages_meets_three_answers_of_each_sort():
    pages = {
        checks.__name__ + "." + module
        for module in ("quick_tour", "tokenization", "model_loading", "attention", "dataset_preparation")
    }  # fmt: skip
    theirs = {
        name for name in checks.__all__ if getattr(checks, name).__module__ in pages
    }
    assert theirs == set(RIGHT) == set(WRONG)
    assert min(map(len, [*RIGHT.values(), *WRONG.values()])) >= 3


@pytest.mark.parametrize(("name", "answer"), PAIRS["right"])
def test_right_answer_of_another_kind_is_correct(name, answer):
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "correct", verdict


@pytest.mark.parametrize(("name", "answer"), PAIRS["wrong"])
def test_wrong_answer_of_a_student_meets_a_hint(name, answer):
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "try again", verdict
    assert len(verdict.message) > 15
