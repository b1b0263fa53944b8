"""A scan for calls that are gone, or silently ignored, on the pinned libraries.

Each rule was seen to hold on the versions in pyproject.toml. A cell that shows such a call on
purpose carries the tag `trap` or `raises-exception` and is left out.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

SHOWN_ON_PURPOSE = {"trap", "raises-exception"}


class Rule(NamedTuple):
    """`today` is what the call does: an error, or `trap N` of notebooks/traps.md, where it is silent.

    It is empty for what works and is not wanted in a notebook of this collection.
    """

    name: str
    applies: Callable[[ast.AST], bool]
    replacement: str
    today: str = ""


def _called(node: ast.AST) -> str:
    """Name what is called: `a.b.c(...)` gives "c"; anything else gives ""."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return getattr(function, "attr", None) or getattr(function, "id", "")


def _keywords(node: ast.AST) -> dict[str, ast.expr]:
    return {word.arg: word.value for word in getattr(node, "keywords", ()) if word.arg}


def keyword(function: str, *names: str) -> Callable[[ast.AST], bool]:
    """Match a call of `function` (a pattern for its whole name) with one of the keywords."""
    return lambda node: bool(
        re.fullmatch(function, _called(node)) and set(names) & set(_keywords(node))
    )


def call(*names: str) -> Callable[[ast.AST], bool]:
    return lambda node: _called(node) in names


def attribute(name: str) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, ast.Attribute) and node.attr == name


def imported(module: str, pattern: str) -> Callable[[ast.AST], bool]:
    """Match `from module import name` and `module.name`, the name by a whole pattern."""

    def applies(node):
        if isinstance(node, ast.ImportFrom):
            root = (node.module or "").split(".")[0]
            return root == module and any(
                re.fullmatch(pattern, alias.name) for alias in node.names
            )
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.value.id == module and bool(re.fullmatch(pattern, node.attr))
        return False

    return applies


def first_argument(
    function: str, accept: Callable[[str], bool]
) -> Callable[[ast.AST], bool]:
    """Match a call whose first positional argument is a literal text that `accept` picks."""

    def applies(node):
        if _called(node) != function or not node.args:
            return False
        value = getattr(node.args[0], "value", None)
        return isinstance(value, str) and accept(value)

    return applies


def text(pattern: str) -> Callable[[ast.AST], bool]:
    """Match a literal text that contains the pattern."""
    return lambda node: (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(re.search(pattern, node.value))
    )


def _training_arguments_with_bars(node: ast.AST) -> bool:
    return _called(node) == "TrainingArguments" and "disable_tqdm" not in _keywords(
        node
    )


def _pipeline_without_model(node: ast.AST) -> bool:
    return (
        _called(node) == "pipeline"
        and len(node.args) < 2
        and "model" not in _keywords(node)
    )


def _true(node: ast.AST, name: str) -> bool:
    return getattr(_keywords(node).get(name), "value", None) is True


def _bf16_on_a_cpu(node: ast.AST) -> bool:
    return (
        _called(node) == "TrainingArguments"
        and _true(node, "bf16")
        and "use_cpu" not in _keywords(node)
    )


def _label_for_labels(node: ast.AST) -> bool:
    """Match `model(..., label=...)`, not the `label=` of a plot."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and bool({"label"} & set(_keywords(node)))
        and any(word in node.func.id for word in ("model", "classifier", "forward"))
    )


def _pickled(node: ast.AST) -> bool:
    """Match `pickle.load`, and a `torch.load` that does not say weights_only=True.

    True is the default by now, but a reader should see it; weights themselves are safetensors.
    """
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = getattr(node.func.value, "id", "")
    if owner == "torch" and node.func.attr == "load":
        return not _true(node, "weights_only")
    return owner == "pickle" and node.func.attr in {"load", "loads"}


GONE_ARGUMENTS = {
    "evaluation_strategy": "eval_strategy=",
    "overwrite_output_dir": "a fresh output_dir",
    "logging_dir": "the environment variable of the logger, or report_to",
    "warmup_ratio": "warmup_steps=0.1",
    "no_cuda": "use_cpu=True",
    "group_by_length": 'train_sampling_strategy="group_by_length"',
    "save_safetensors": "nothing: safetensors is the only format",
}

RULES = [
    *(
        Rule(f"TrainingArguments({name}=)", keyword(".*TrainingArguments", name), new, "TypeError")
        for name, new in GONE_ARGUMENTS.items()
    ),
    Rule("Trainer(tokenizer=)", keyword(".*Trainer", "tokenizer"), "processing_class=",
         "TypeError"),
    Rule("transformers.AdamW", imported("transformers", "AdamW"), "torch.optim.AdamW",
         "ImportError"),
    Rule("load_metric", call("load_metric"), "evaluate.load", "AttributeError"),
    Rule("import load_metric", imported("datasets", "load_metric"), "evaluate.load",
         "ImportError"),
    Rule("TensorFlow or Flax class", imported("transformers", "(TF|Flax)[A-Z].*"), "AutoModel...",
         "ImportError"),
    Rule(
        "one-part dataset id",
        first_argument(
            "load_dataset",
            lambda id: "/" not in id
            and id not in {"csv", "json", "parquet", "text", "arrow", "imagefolder"},
        ),
        "owner/name, as in stanfordnlp/imdb",
        "an error, online",
    ),
    Rule(
        "pipeline of summarization, translation, question answering",
        first_argument(
            "pipeline",
            lambda task: task
            in {"summarization", "translation", "text2text-generation", "question-answering",
                "conversational"}
            or task.startswith("translation_"),
        ),
        "text-generation, or the model itself",
        "KeyError",
    ),
    Rule("load_in_8bit=, load_in_4bit=", keyword("from_pretrained", "load_in_8bit", "load_in_4bit"),
         "quantization_config=BitsAndBytesConfig(...)", "TypeError"),
    Rule("prepare_model_for_int8_training", imported("peft", "prepare_model_for_int8_training"),
         "prepare_model_for_kbit_training", "ImportError"),
    Rule("default_chat_template", attribute("default_chat_template"), "chat_template",
         "AttributeError"),
    Rule("huggingface-cli", text("huggingface-cli"), "hf", "no such command"),
    Rule("encode_plus", call("encode_plus", "batch_encode_plus"), "tokenizer(...)",
         "AttributeError"),
    Rule("pad_to_max_length", keyword(".*", "pad_to_max_length"), 'padding="max_length"',
         "trap 108"),
    Rule("attention_masks=", keyword(".*", "attention_masks"), "attention_mask=", "trap 1"),
    Rule("label=", _label_for_labels, "labels=", "trap 1"),
    Rule("Accelerator(split_batches=)", keyword("Accelerator", "split_batches"),
         "DataLoaderConfiguration(split_batches=True)", "trap 13"),
    Rule("Accelerator(fp16=)", keyword("Accelerator", "fp16"), 'mixed_precision="fp16"',
         "TypeError"),
    Rule("LineByLineTextDataset, TextDataset",
         imported("transformers", "(LineByLine)?TextDataset"), "load_dataset, map, blocks",
         "ImportError"),
    Rule("AutoModelWithLMHead", imported("transformers", "AutoModelWithLMHead"),
         "AutoModelForCausalLM, AutoModelForMaskedLM", "ImportError"),
    Rule("pipeline(framework=, return_all_scores=)",
         keyword("pipeline", "framework", "return_all_scores"), "top_k=None for all scores",
         "trap 24"),
    Rule("pipeline without a model", _pipeline_without_model, "pipeline(task, model=...)",
         "trap 23"),
    Rule("bf16 without use_cpu", _bf16_on_a_cpu, "use_cpu=True beside it",
         "ValueError, without a GPU"),
    Rule("progress bars in saved outputs", _training_arguments_with_bars, "disable_tqdm=True"),
    Rule("clear_output, display_id", call("clear_output"), "print: nbval sees first frames only"),
    Rule("display(display_id=)", keyword("display", "display_id"), "print, or one display"),
    Rule("torch_dtype=", keyword(".*", "torch_dtype"), "dtype="),
    Rule("from_tf=, from_flax=", keyword(".*", "from_tf", "from_flax"), "nothing: PyTorch only",
         "trap 130"),
    Rule("head_mask=", keyword(".*", "head_mask"), "a forward hook", "trap 130"),
    Rule("use_auth_token=", keyword(".*", "use_auth_token"), "token=, from the environment",
         "TypeError"),
    Rule("trust_remote_code=", keyword(".*", "trust_remote_code"), "a model the library knows"),
    Rule("pickled weights", _pickled, "from_pretrained, or torch.load(..., weights_only=True)"),
]  # fmt: skip


def findings(source: str) -> Iterator[str]:
    """Name each call in Python source that is gone or ignored, with its replacement."""
    for node in ast.walk(ast.parse(source)):
        for rule in RULES:
            if rule.applies(node):
                yield f"line {node.lineno}: {rule.name} is gone or ignored: use {rule.replacement}"


def notebook_findings(notebook) -> Iterator[str]:
    """Scan code cells, and Python between fences in prose."""
    for number, cell in enumerate(notebook.cells):
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code":
            sources = [] if tags & SHOWN_ON_PURPOSE else [cell.source]
        else:
            sources = re.findall(r"```python\n(.*?)```", cell.source, flags=re.S)
        for source in sources:
            for finding in findings(source):
                yield f"cell {number} ({cell.id}), {finding}"
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    if "output_attentions=True" in code and 'attn_implementation="eager"' not in code:
        yield 'output_attentions=True under sdpa gives nothing: use attn_implementation="eager"'
