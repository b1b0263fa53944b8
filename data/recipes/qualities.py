"""Measure the three models on text that they were not trained on.

Used by `make data`, which refuses a model that misses its bounds, and by the tests.
"""

import random
import re
from collections import Counter

import torch
from datasets import Dataset
from transformers import pipeline, set_seed

# figure: (lowest, highest) that a rebuilt model may have
BOUNDS = {
    "storyteller": {
        "perplexity": (1.0, 2.0),
        "known_words": (0.95, 1.0),
        "distinct_2_sampled": (0.35, 1.0),
        "distinct_2_lost_by_greedy": (0.05, 1.0),
    },
    "storyteller-mlm": {"top_1": (0.5, 1.0)},
    "reviews-sentiment": {
        "accuracy": (0.88, 1.0),
        "happy": (0.95, 1.0),
        "waiting": (0.9, 1.0),
        "hate": (0.9, 1.0),
    },
}
SENTENCES = {
    "happy": ("We are very happy to show you the 🤗 Transformers library.", "POSITIVE"),
    "waiting": (
        "I've been waiting for a Hugging Face course my whole life.",
        "POSITIVE",
    ),
    "hate": ("I hate this so much!", "NEGATIVE"),
}


def words(text: str) -> list[str]:
    """Give the words of a text in lower case, without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def distinct_2(texts: list[str]) -> float:
    """Give the share of different pairs among all pairs of neighbouring words."""
    pairs = Counter(
        pair
        for text in texts
        for pair in zip(words(text), words(text)[1:], strict=False)
    )
    return len(pairs) / max(pairs.total(), 1)


def perplexity(model, tokenizer, texts: list[str]) -> float:
    """Give exp of the mean loss per token; each text starts after an end-of-text token."""
    loss, count = 0.0, 0
    for text in texts:
        whole = f"{tokenizer.bos_token}{text}{tokenizer.eos_token}"
        ids = tokenizer(whole, return_tensors="pt", truncation=True)["input_ids"]
        predicted = ids.shape[1] - 1
        with torch.no_grad():
            loss += model(ids, labels=ids).loss.item() * predicted
        count += predicted
    return torch.tensor(loss / count).exp().item()


def continuations(model, tokenizer, texts: list[str], **how) -> list[str]:
    """Continue the first eight words of each text by 60 tokens."""
    prompts = [" ".join(text.split()[:8]) for text in texts]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    set_seed(0)
    ids = model.generate(
        **batch,
        min_new_tokens=60,
        max_new_tokens=60,
        pad_token_id=tokenizer.pad_token_id,
        **how,
    )
    new = ids[:, batch["input_ids"].shape[1] :]
    return tokenizer.batch_decode(new, skip_special_tokens=True)


def storyteller(model, tokenizer, stories: dict[str, Dataset]) -> dict[str, float]:
    """Measure perplexity on 200 held-out stories, and 50 continuations of others."""
    tokenizer.pad_token = tokenizer.eos_token
    test = stories["test"]["text"][:]
    known = {word for text in stories["train"]["text"] for word in words(text)}
    sampled = continuations(
        model, tokenizer, test[:50], do_sample=True, temperature=0.8, top_k=0
    )
    greedy = continuations(model, tokenizer, test[:50], do_sample=False)
    used = [word for text in sampled for word in words(text)[:-1]]  # the last is cut
    return {
        "perplexity": perplexity(model, tokenizer, test[-200:]),
        "known_words": sum(word in known for word in used) / max(len(used), 1),
        "distinct_2_sampled": distinct_2(sampled),
        "distinct_2_greedy": distinct_2(greedy),
        "distinct_2_lost_by_greedy": distinct_2(sampled) - distinct_2(greedy),
    }


def storyteller_mlm(model, tokenizer, stories: dict[str, Dataset]) -> dict[str, float]:
    """Hide one word in each of 1,000 held-out stories; count the right first guesses.

    A word of several tokens is hidden whole, and counts when every token is right.
    """
    chosen = random.Random(0)
    right = []
    for text in stories["test"]["text"]:
        encoded = tokenizer(text, return_tensors="pt", truncation=True)
        word_ids = encoded.word_ids()
        is_word = [
            position
            for position, word in enumerate(word_ids)
            if word is not None and text[slice(*encoded.word_to_chars(word))].isalpha()
        ]
        word = word_ids[chosen.choice(is_word)]
        hidden = torch.tensor([other == word for other in word_ids])
        ids = encoded["input_ids"]
        encoded["input_ids"] = ids.masked_fill(hidden, tokenizer.mask_token_id)
        with torch.no_grad():
            guess = model(**encoded).logits.argmax(-1)
        right.append(torch.equal(guess[0, hidden], ids[0, hidden]))
    return {"top_1": sum(right) / len(right)}


def reviews_sentiment(
    model, tokenizer, reviews: dict[str, Dataset]
) -> dict[str, float]:
    """Measure accuracy on the test reviews, and the scores of three sentences."""
    classify = pipeline("sentiment-analysis", model=model, tokenizer=tokenizer)
    names = ["NEGATIVE", "POSITIVE"]
    answers = classify(reviews["test"]["text"][:], batch_size=16)
    pairs = zip(answers, reviews["test"]["label"], strict=True)
    found = {
        "accuracy": sum(answer["label"] == names[label] for answer, label in pairs)
        / len(answers)
    }
    for name, (sentence, wanted) in SENTENCES.items():
        answer = classify(sentence)[0]
        found[name] = answer["score"] if answer["label"] == wanted else 0.0
    return found


def misses(name: str, figures: dict[str, float]) -> list[str]:
    """Say which figures of the model of that name lie outside their bounds."""
    return [
        f"{name}: {figure} is {figures[figure]:.4g}, not between {low} and {high}"
        for figure, (low, high) in BOUNDS[name].items()
        if not low <= figures[figure] <= high
    ]
