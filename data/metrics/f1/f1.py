"""F1 as an `evaluate.Metric`: the harmonic mean of precision and recall."""

import datasets
import evaluate
from sklearn.metrics import f1_score


class F1(evaluate.Metric):
    """The harmonic mean of precision and recall, from 0 to 1."""

    def _info(self) -> evaluate.MetricInfo:
        label = datasets.Value("int64")
        return evaluate.MetricInfo(
            description="The harmonic mean of precision and recall.",
            citation="",
            inputs_description=(
                "predictions, references: label IDs, one for each example. "
                "average: 'binary' (the label 1), 'macro', 'micro' or 'weighted'."
            ),
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(
        self, predictions, references, average: str = "binary"
    ) -> dict[str, float]:
        if len(references) == 0:
            raise ValueError("f1 needs at least one prediction and its reference")
        score = f1_score(references, predictions, average=average, zero_division=0)
        return {"f1": float(score)}
