"""What answers to requests for a story are worth, by measures that can fail (notebook 10)."""

from collections.abc import Iterable, Mapping, Sequence

WORDS = 20  # of a story, as many as an answer has
STORIES = ("begin", "hero", "end")  # kinds of conversation that ask for one
MEASURES = ("stops", "title", "story", "hero", "declines", "declines a story")


class Judge:
    """Counts what a list of answers gets right, in the order of their conversations.

    Args:
        rows: Conversations as in `data/instructions`, with `kind`, `plot` and `hero`; of others,
            only whether they end is counted.
        end: The end-of-text token, as text.
        stories: Columns `text` and `plot` of stories, from which a classifier of word counts
            learns to tell plots by their beginnings.
    """

    def __init__(
        self, rows: Sequence[Mapping], end: str, stories: Mapping[str, Sequence[str]]
    ):
        """Teach the classifier, where there are plots to tell."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        self.rows, self.end, self.knows_plots = list(rows), end, "plot" in rows[0]
        if self.knows_plots:
            self.excuses = {
                row["messages"][1]["content"]
                for row in rows
                if row["kind"] == "refusal"
            }
            beginnings = [" ".join(text.split()[:WORDS]) for text in stories["text"]]
            self.librarian = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100))
            self.librarian.fit(beginnings, stories["plot"])

    def points(self, text: str, row: Mapping) -> dict[str, bool]:
        """Say of one answer, for each measure that asks something of it, whether it is met."""
        met = {"stops": self.end in text}
        if not self.knows_plots:
            return met
        text, kind = text.partition(self.end)[0].strip(), row["kind"]
        title, _, body = text.partition(". ")
        if kind in STORIES:
            met["title"] = title.lower() == row["plot"]
        if kind in ("begin", "hero"):
            met["story"] = self.librarian.predict([body or text])[0] == row["plot"]
        if kind == "hero":
            met["hero"] = row["hero"] in text
        if kind == "refusal":
            met["declines"] = text in self.excuses
        elif kind in STORIES:
            met["declines a story"] = text in self.excuses
        return met

    def scores(self, texts: Iterable[str]) -> dict[str, int]:
        """Count the answers that meet each measure.

        Raises:
            ValueError: Not as many answers as conversations.
        """
        met = self._met(texts)
        return {name: sum(met[name]) for name in MEASURES if name in met}

    def against(
        self, texts: Iterable[str], others: Iterable[str], measure: str
    ) -> tuple[int, int, float]:
        """Compare two lists of answers, row by row.

        Returns:
            How many rows only the first meets, how many only the second, and how often luck alone
            would part them so far or further. Requests for one plot belong together: if neither
            list were better, its lead on each plot might as well have gone to the other.
        """
        pairs = list(
            zip(self._met(texts)[measure], self._met(others)[measure], strict=True)
        )
        asked = [row for row in self.rows if measure in self.points("", row)]
        leads: dict[object, int] = {}
        for place, (row, (one, other)) in enumerate(zip(asked, pairs, strict=True)):
            plot = row["plot"] or place  # what asks for no story stands alone
            leads[plot] = leads.get(plot, 0) + one - other
        gained, lost = (sum(pair == won for pair in pairs) for won in ((1, 0), (0, 1)))
        return gained, lost, _luck(list(leads.values()))

    def _met(self, texts: Iterable[str]) -> dict[str, list[bool]]:
        texts = list(texts)
        if len(texts) != len(self.rows):
            raise ValueError(
                f"{len(texts)} answers to {len(self.rows)} conversations: pass one for each"
            )
        found: dict[str, list[bool]] = {}
        for text, row in zip(texts, self.rows, strict=True):
            for name, met in self.points(text, row).items():
                found.setdefault(name, []).append(bool(met))
        return found


def _luck(leads: list[int]) -> float:
    """Give the share of all ways to turn the signs of leads that add up to as much, or more."""
    ways = {0: 1}
    for lead in leads:
        turned: dict[int, int] = {}
        for total, count in ways.items():
            for new in (total + lead, total - lead):
                turned[new] = turned.get(new, 0) + count
        ways = turned
    far = sum(n for total, n in ways.items() if abs(total) >= abs(sum(leads)))
    return far / 2 ** len(leads)


def held_out(model, batches: Iterable[Mapping]) -> tuple[float, float]:
    """Measure the mean loss, in nats a token, of answers and of everything else.

    Args:
        model: A causal language model; it is left in eval mode.
        batches: Tensors `input_ids`, `attention_mask` and `labels`, which are -100 where a token
            is not part of an answer.
    """
    import torch

    model.eval()
    nats, counts = torch.zeros(2), torch.zeros(2)
    for batch in batches:
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        with torch.no_grad():
            logits = model(**inputs).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), batch["input_ids"][:, 1:], reduction="none"
        )
        answer = batch["labels"][:, 1:] != -100
        real = batch["attention_mask"][:, 1:] == 1
        for place, which in enumerate((answer, real & ~answer)):
            nats[place] += loss[which].sum()
            counts[place] += which.sum()
    answers, requests = (nats / counts).tolist()
    return answers, requests
