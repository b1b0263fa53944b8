"""Pages to read: what `make run` and `make site` lay out, and what is wrong with it."""

from hf_tutorial.publish.reading.layout import Broken, site, write_pages

__all__ = ["Broken", "site", "write_pages"]
