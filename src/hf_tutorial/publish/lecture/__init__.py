"""For the lecture hall: slides with notes and minutes, made from the saved notebooks."""

from hf_tutorial.publish.lecture.decks import deck, slides

__all__ = ["deck", "slides"]
