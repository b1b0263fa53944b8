"""Conversations with a storyteller: hand-written requests, answered by the stories of `data/stories`.

    python data/recipes/instructions.py data/stories OUT    # train, validation and test as JSON Lines

Five kinds of conversation, and a row says which it is:

    begin      a request that names a topic, answered by a title and the first two sentences of such a story
    hero       the same, and the request names the hero
    end        a request for the end, answered by a title and the last two sentences
    turns      a beginning, and then a second turn: who its hero is, or thanks
    refusal    a question that no storyteller can answer, declined in a sentence

A split's stories come from the same split of the stories, none twice. Of each topic's five wordings, and
of the sentences around them, train has the first three, validation and test the others, in pairs of which
no two splits have the same. Nor is a question in two splits.
"""

import itertools
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet

# Plot of a story: what a reader would ask for. The last two are kept for validation and test.
TOPICS = {
    "the broken fence": "mending a fence; a fence blown down by the wind; animals behind a broken fence; "
    "a fence that falls; animals that run through a fence",
    "the first snow": "the first snow; a friend who has never seen snow; waiting for snow; "
    "snow in the night; a child from a land without snow",
    "the fish": "going fishing; catching a big fish; a fish on the line; "
    "a morning of fishing; a very old fish",
    "the map in the attic": "a treasure map; an old map in the attic; digging for treasure; "
    "a map with a red cross; a hidden treasure",
    "the moon in the pond": "the moon in the pond; saving the moon; the moon that fell into the water; "
    "an animal and the moon; the moon in trouble",
    "the quarrel": "a quarrel; two friends and one toy; friends who fight; "
    "a quarrel about a toy; two friends who are angry",
    "the race": "a race; winning a race; a runner who turns back; "
    "losing a race; the fastest runner",
    "the seed": "a seed that does not grow; growing a plant; waiting for a seed; "
    "a very slow seed; a seed in a pot",
    "the spoiled picture": "a spoiled picture; a blot on a painting; paint where it should not be; "
    "a picture that goes wrong; a spot of paint on a picture",
    "the storm": "a storm; an animal out in the storm; thunder in the night; "
    "a stormy evening; listening to the storm",
}
KEPT = 2  # wordings, and sentences around them, that train does not have
BEGIN = (
    "Tell a story about {topic}.",
    "How does a story about {topic} begin?",
    "I would like to hear about {topic}.",
    "Begin a story about {topic}.",
    "A story about {topic}, please.",
)
HERO = (
    "Tell a story about {topic}. The hero is {hero}.",
    "How does a story about {topic} begin? The hero is {hero}.",
    "I would like to hear about {topic}, with {hero} as the hero.",
    "Begin a story about {topic}. Call the hero {hero}.",
    "A story about {topic}, please. {hero} should be in it.",
)
END = (
    "Tell only the end of a story about {topic}.",
    "How does a story about {topic} end?",
    "I would like to hear the end first. It is about {topic}.",
    "Only the end of a story about {topic}.",
    "The end of a story about {topic}, please.",
)
NAME = ("Who is the hero?", "What is the hero called?", "Whose story is it?")
THANKS = ("Thank you.", "That was nice.", "Thank you, I liked it.")
WELCOME = "You are welcome. Shall I tell another one?"
REFUSALS = (
    "I do not know that. I only tell stories.",
    "That I cannot say. Ask me for a story.",
    "I only know stories. Shall I tell one?",
)
QUESTIONS = """
What is the capital of France?          | How many legs does a spider have?
What is seven times eight?              | Write a program that sorts a list.
Who won the football match yesterday?   | What is the weather like today?
How do I cook rice?                     | Translate this sentence into Spanish.
What time is it?                        | How tall is the highest mountain?
Which medicine helps against a cold?    | Can you add these numbers for me?
Who is the president?                   | What does this word mean?
How far away is the sun?                | Should I buy this telephone?
When does the next train leave?         | Is this contract legal?
How do I get to the station?            | What is the square root of nine?
Summarize the news of today.            | What is in my bank account?
How old are you?                        | Which film should I watch?
What is the speed of light?             | Write a letter to my landlord.
How many people live in Berlin?         | Correct the mistakes in my essay.
What is the chemical sign of iron?      | Draw a circle for me.
Who painted this picture?               | When did the war end?
What is the longest river?              | How do I mend a flat tyre?
Give me three names for my company.     | What is my name?
Which is larger, nine or eleven?        | How much does a house cost?
Is it safe to eat this mushroom?        | What is the meaning of life?
How do vaccines work?                   | Tell me the price of gold.
Who wrote this song?                    | Plan my holiday in Italy.
What language do they speak in Brazil?  | How do I learn to play chess?
Explain gravity to me.                  | How many days are in a year?
What should I cook tonight?             | Which team is the best?
Do I have a fever?                      | How do I save money?
What is a prime number?                 | Where can I park my car?
Which planet is the largest?            | What is today's date?
Count to one hundred.                   | Is the shop open on Sunday?
How do I change my password?            | What is the opposite of north?
Who discovered America?                 | Convert ten miles to kilometres.
Is seven an odd number?                 | What is a good present for my boss?
How long does an egg take to boil?      | Why is the sky blue?
Solve this equation for me.             | Who invented the telephone?
How do I write a cover letter?          | What is the population of Rome?
Which bus goes to the airport?          | How do computers work?
What is two plus two?                   | Can you book a table for four?
Name the four seasons in German.        | What does my dream mean?
Which shares should I buy?              | How does a bill become a law?
Spell the word necessary.               | Where did I leave my keys?
"""
FIRST, LAST = slice(0, 2), slice(-2, None)  # sentences
LONGEST = 26  # words of an answer, the title apart
ROWS = {  # of each kind, in each split
    "train": {"begin": 240, "hero": 40, "end": 40, "turns": 30},
    "validation": {"begin": 10, "hero": 10, "end": 10, "turns": 10},
    "test": {"begin": 30, "hero": 20, "end": 20, "turns": 20},
}
OF_QUESTIONS = {
    "train": slice(0, 50),
    "validation": slice(50, 60),
    "test": slice(60, 80),
}


def conversation(
    kind: str, *said: str, hero: str | None = None, plot: str | None = None
) -> dict:
    """Make a row from what user and assistant say in turn, the user first."""
    roles = ("user", "assistant") * (len(said) // 2)
    messages = [
        {"role": r, "content": text} for r, text in zip(roles, said, strict=True)
    ]
    return {"messages": messages, "kind": kind, "hero": hero, "plot": plot}


def wishes(
    rng: random.Random, forms: tuple[str, ...], split: str
) -> Iterator[tuple[str, str]]:
    """Yield plots and requests for them without end, each pair of a split before one returns."""
    found = []
    for plot, topics in TOPICS.items():
        asked = list(itertools.product(topics.split("; "), forms))
        kept = set(itertools.product(topics.split("; ")[-KEPT:], forms[-KEPT:]))
        pairs = {
            "train": itertools.product(topics.split("; ")[:-KEPT], forms[:-KEPT]),
            "validation": [pair for pair in asked if pair in kept][:1],
            "test": [pair for pair in asked if pair in kept][1:],
        }
        found += [
            (plot, form.replace("{topic}", topic)) for topic, form in pairs[split]
        ]
    while True:
        rng.shuffle(found)
        yield from found


def part(text: str, sentences: slice) -> str:
    """Return some sentences of a story; what is said in quotation marks is never cut."""
    found = re.findall(r'(?:[^.!?"]|"[^"]*")+(?:[.!?]+|(?<=")(?=\s|$))', text)
    return "".join(found[sentences]).strip()


def answer(story: dict, sentences: slice) -> str:
    """Tell a part of a story below its title, which is its plot."""
    return f"{story['plot'].capitalize()}. {part(story['text'], sentences)}"


def fits(story: dict, sentences: slice) -> bool:
    """Tell whether a part of a story can be an answer: it is short, and a beginning names the hero."""
    text = part(story["text"], sentences)
    return len(text.split()) <= LONGEST and (sentences == LAST or story["hero"] in text)


def rows(split: str, stories: list[dict]) -> Iterator[dict]:
    """Yield the conversations of a split, in random order, the same each time."""
    rng = random.Random(f"instructions {split}")
    told = {plot: [] for plot in TOPICS}
    for story in rng.sample(stories, len(stories)):
        if story["plot"] in told:
            told[story["plot"]].append(story)
    found = []
    for kind, count in ROWS[split].items():
        forms = {"hero": HERO, "end": END}.get(kind, BEGIN)
        for plot, form in itertools.islice(wishes(rng, forms, split), count):
            sentences = LAST if kind == "end" else FIRST
            story = next(story for story in told[plot] if fits(story, sentences))
            told[plot].remove(story)
            hero = story["hero"]
            said = [form.format(hero=hero), answer(story, sentences)]
            if kind == "turns":
                asked, answers = rng.choice([
                    (NAME, [f"The hero is {hero}."]), (NAME, [f"It is {hero}."]),
                    (THANKS, [WELCOME]),
                ])  # fmt: skip
                asked = rng.choice(asked[:-1]) if split == "train" else asked[-1]
                said += [asked, rng.choice(answers)]
            found.append(conversation(kind, *said, hero=hero, plot=plot))
    questions = [
        q.strip() for line in QUESTIONS.strip().splitlines() for q in line.split("|")
    ]
    random.Random(0).shuffle(questions)
    found += [
        conversation("refusal", q, rng.choice(REFUSALS))
        for q in questions[OF_QUESTIONS[split]]
    ]
    rng.shuffle(found)
    yield from found


def write(stories: Path, out: Path) -> None:
    """Write the three splits below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for split in ROWS:
        table = pyarrow.parquet.read_table(stories / f"{split}.parquet").to_pylist()
        lines = [json.dumps(row, ensure_ascii=False) for row in rows(split, table)]
        (out / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
