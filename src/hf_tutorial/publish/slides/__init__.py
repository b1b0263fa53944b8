"""Slides for a lecture hall, made from the saved notebooks; nothing in them is kept twice."""

from hf_tutorial.publish.slides.decks import deck, slides
from hf_tutorial.publish.slides.outline import outline

__all__ = ["deck", "outline", "slides"]
