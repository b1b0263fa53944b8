"""A model, a dataset and a metric of a few bytes, as repositories hold them; made without torch."""

import io
import json
import struct

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a")
CONFIG = {
    "architectures": ["BertModel"], "model_type": "bert", "vocab_size": len(WORDS),
    "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 8, "max_position_embeddings": 32,
}  # fmt: skip
METRIC = """
import datasets
import evaluate
class Share(evaluate.Metric):
    def _info(self):
        numbers = datasets.Features({"predictions": datasets.Value("int32"),
                                     "references": datasets.Value("int32")})
        return evaluate.MetricInfo(description="", citation="", features=numbers)
    def _compute(self, predictions, references):
        return {"share": 1.0}
"""


def model() -> dict[str, bytes]:
    """A BERT of 72 numbers; the other weights are drawn when it is loaded."""
    files = {
        "config.json": json.dumps(CONFIG),
        "vocab.txt": "\n".join(WORDS) + "\n",
        "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer"}),
        "README.md": "# Tiny\n",
    }
    shape = [len(WORDS), 8]
    size = 4 * shape[0] * shape[1]
    head = {"embeddings.word_embeddings.weight":
            {"dtype": "F32", "shape": shape, "data_offsets": [0, size]},
            "__metadata__": {"format": "pt"}}  # fmt: skip
    named = json.dumps(head).encode()
    weights = struct.pack("<Q", len(named)) + named + bytes(size)
    return {name: text.encode() for name, text in files.items()} | {
        "model.safetensors": weights
    }


def dataset(rows: int = 40) -> dict[str, bytes]:
    """Sentences of two kinds in two splits, as parquet, with a card that names them."""
    import pyarrow
    import pyarrow.parquet

    files = {}
    for split, count in (("train", rows), ("test", rows // 4)):
        texts = ["a good film" if n % 2 else "a bad film" for n in range(count)]
        table = pyarrow.table({"text": texts, "label": [n % 2 for n in range(count)]})
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table, buffer)
        files[f"plain_text/{split}-00000-of-00001.parquet"] = buffer.getvalue()
    files["README.md"] = CARD.encode()
    return files


CARD = """---
configs:
- config_name: plain_text
  default: true
  data_files:
  - split: train
    path: plain_text/train-*
  - split: test
    path: plain_text/test-*
---
# Films
"""


def metric() -> dict[str, bytes]:
    """A metric that finds everything right."""
    return {"accuracy.py": METRIC.encode(), "README.md": b"# Accuracy\n"}
