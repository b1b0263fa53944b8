"""Accuracy as an `evaluate.Metric`: the share of predictions that equal their reference."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class Accuracy(evaluate.Metric):
    """The share of predictions that equal their reference, from 0 to 1."""

    def _info(self) -> evaluate.MetricInfo:
        label = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="The share of predictions that equal their reference.",
            citation="",
            inputs_description="predictions, references: label IDs, one for each example.",
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(self, predictions, references) -> dict[str, float]:
        if len(references) == 0:
            raise ValueError("accuracy needs at least one prediction and its reference")
        return {"accuracy": float(accuracy_score(references, predictions))}
