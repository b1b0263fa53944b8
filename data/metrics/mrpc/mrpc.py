"""Accuracy and F1 of sentence pairs, together, as GLUE reports them for MRPC."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score, f1_score


class Mrpc(evaluate.Metric):
    """Accuracy beside the F1 of the label 1, since most pairs have that label."""

    def _info(self) -> evaluate.MetricInfo:
        label = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="Accuracy, and F1 of the pairs that are paraphrases.",
            citation="",
            inputs_description="predictions, references: 0 or 1, one for each pair.",
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(self, predictions, references) -> dict[str, float]:
        if len(references) == 0:
            raise ValueError("mrpc needs at least one prediction and its reference")
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            "f1": float(f1_score(references, predictions, zero_division=0)),
        }
