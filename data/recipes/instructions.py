"""Conversations with a storyteller: hand-written requests, answered by the stories of `data/stories`.

    python data/recipes/instructions.py data/stories OUT    # train, validation and test as JSON Lines

Four kinds of conversation, and a row says which it is:

    begin      a request that names a plot and a hero, answered by the first sentences of such a story
    end        the same, for the end: the last two sentences
    refusal    a question that no storyteller can answer, declined in a sentence
    turns      a beginning, and a second question: who its hero is, or thanks

A split's stories come from the same split of the stories. Each topic has three wordings: two are used
in train, the third in validation and test only, and so with the requests. No question is in two splits.
"""

import json
import random
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow.parquet

# What a reader would ask for, three ways. The third is kept for validation and test.
TOPICS = {
    "learning to swim": "learning to swim; a child who cannot swim yet; the fear of deep water",
    "lost and found": "a lost toy; looking for something lost; a toy that goes missing",
    "lost at the market": "getting lost at the market; a child lost among strangers; a hand let go in the crowd",
    "pepper in the soup": "too much pepper in the soup; a supper that goes wrong; a pepper pot without its lid",
    "sharing food": "sharing lunch with a friend; a lunch for two; half a lunch given away",
    "the bicycle": "learning to ride a bicycle; a first bicycle; falling off a bicycle",
    "the birthday forgotten": "a forgotten birthday; a birthday present made at the last moment; a birthday nobody thought of",
    "the boaster": "an animal that boasts; somebody who boasts too much; big words and small deeds",
    "the borrowed book": "a borrowed book; a library book that falls in the mud; a spoiled library book",
    "the broken fence": "mending a fence; a fence blown down by the wind; animals that ran through a broken fence",
    "the empty basket": "a thief in the wood; a basket that is always empty; fruit that goes missing",
    "the fallen nestling": "a young bird fallen out of its nest; helping a young bird; a bird without its nest",
    "the first snow": "the first snow; a friend who has never seen snow; waiting for snow",
    "the fish": "going fishing; catching a big fish; a fish on the line",
    "the flooded burrow": "a burrow full of water; an animal that needs a new home; a flood in a burrow",
    "the forgotten line": "a school play; forgetting the words on the stage; a forgotten line",
    "the gold coin": "a gold coin among the pennies; a coin that belongs to somebody else; finding gold",
    "the lie taken back": "telling a lie; blaming the cat; a lie that hurts",
    "the light in the wood": "a firefly in the dark wood; getting lost in the dark; a small light at night",
    "the map in the attic": "a treasure map; an old map in the attic; digging for treasure",
    "the moon in the pond": "the moon in the pond; saving the moon; the moon that fell into the water",
    "the noise in the night": "a noise in the night; a strange sound in the dark; hearing something at midnight",
    "the promise kept": "keeping a promise; watering somebody's garden; a promise and a temptation",
    "the quarrel": "a quarrel about a toy; two friends and one toy; friends who fight over a toy",
    "the race": "a race; a runner who turns back; winning and losing a race",
    "the raft": "building a raft; an island full of fruit; crossing the water on a raft",
    "the seed": "a seed that does not grow; growing a plant; waiting for a seed",
    "the shy animal": "a shy animal; making friends with a wild animal; an animal that is afraid",
    "the sick friend": "a sick friend; visiting somebody who is ill; a friend who must stay in bed",
    "the spoiled picture": "a spoiled picture; a blot on a painting; paint where it should not be",
    "the storm": "a storm; an animal out in the storm; thunder in the night",
    "the strange egg": "a strange egg; an egg found in the grass; what comes out of an egg",
    "the stubborn goat": "an animal that will not cross the bridge; a stubborn animal; a beast that will not move",
    "the voice in the valley": "an echo; a voice in the valley; a voice that answers",
}  # fmt: skip
BEGIN = (
    "Begin a story about {topic}. The hero is {hero}.",
    "How does a story about {topic} begin, with {hero} in it?",
    "I would like to hear about {topic}. Call the hero {hero}.",
    "Please begin {hero}'s story. It is about {topic}.",
    "The first lines of a story about {topic}, please. {hero} should be in it.",
)
END = (
    "Tell only the end of a story about {topic}, with {hero}.",
    "How does a story about {topic} end? The hero is {hero}.",
    "Only the end, please: {topic}, and the hero is {hero}.",
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
FIRST, LAST = slice(0, 3), slice(-2, None)  # sentences
ROWS = {  # of each kind, in each split
    "train": {"begin": 300, "end": 60, "turns": 60},
    "validation": {"begin": 30, "end": 10, "turns": 10},
    "test": {"begin": 60, "end": 20, "turns": 20},
}
OF_QUESTIONS = {"train": slice(0, 50), "validation": slice(50, 60), "test": slice(60, 80)}


def conversation(kind: str, *said: str, hero: str = "", plot: str = "") -> dict:
    """Make a row from what user and assistant say in turn, the user first."""
    roles = ("user", "assistant") * (len(said) // 2)
    messages = [{"role": r, "content": text} for r, text in zip(roles, said, strict=True)]
    return {"messages": messages, "kind": kind, "hero": hero, "plot": plot}


def request(rng: random.Random, forms: tuple[str, ...], story: dict, unseen: bool) -> str:
    """Ask for such a story, in the words of train or in those that are kept for later."""
    *seen, last = TOPICS[story["plot"]].split("; ")
    form = forms[-1] if unseen else rng.choice(forms[:-1])
    return form.format(topic=last if unseen else rng.choice(seen), hero=story["hero"])


def part(text: str, sentences: slice) -> str:
    """Return some sentences of a story; what is said in quotation marks is never cut."""
    found = re.findall(r'(?:[^.!?"]|"[^"]*")+(?:[.!?]+|(?<=")(?=\s|$))', text)
    return "".join(found[sentences]).strip()


def rows(split: str, stories: list[dict]) -> Iterator[dict]:
    """Yield the conversations of a split, in random order, the same each time."""
    rng, unseen = random.Random(f"instructions {split}"), split != "train"
    told = iter(rng.sample(stories, len(stories)))
    found = []
    for kind, count in ROWS[split].items():
        for story in islice(told, count):
            hero_and_plot = {"hero": story["hero"], "plot": story["plot"]}
            if kind == "end":
                said = [request(rng, END, story, unseen), part(story["text"], LAST)]
            else:
                said = [request(rng, BEGIN, story, unseen), part(story["text"], FIRST)]
            if kind == "turns":
                asked, answers = rng.choice([
                    (NAME, [f"The hero is {story['hero']}."]), (NAME, [f"It is {story['hero']}."]),
                    (THANKS, [WELCOME]),
                ])  # fmt: skip
                asked = asked[-1] if unseen else rng.choice(asked[:-1])
                said += [asked, rng.choice(answers)]
            found.append(conversation(kind, *said, **hero_and_plot))
    questions = [q.strip() for line in QUESTIONS.strip().splitlines() for q in line.split("|")]
    random.Random(0).shuffle(questions)
    found += [conversation("refusal", q, rng.choice(REFUSALS)) for q in questions[OF_QUESTIONS[split]]]
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
