"""What is made of the notebooks: pages to read, saved outputs, hand-outs, slides.

python -m hf_tutorial.publish run       # into build/, notebooks/ is only read
python -m hf_tutorial.publish record    # outputs and minutes into notebooks/ and README
python -m hf_tutorial.publish handout   # build/handout/: no solutions; build/instructor/: open
python -m hf_tutorial.publish slides    # build/slides/: decks of the saved notebooks
python -m hf_tutorial.publish site      # build/site/: the saved notebooks as pages
"""

from hf_tutorial.collection import BUILD, ROOT, discover, read, title
from hf_tutorial.publish.executing import Execution, execute, table
from hf_tutorial.publish.handouts import handout, with_open_solutions, without_solutions
from hf_tutorial.publish.lecture import slides
from hf_tutorial.publish.pages import run
from hf_tutorial.publish.reading import site, write_pages
from hf_tutorial.publish.recording import (
    measure,
    normalise,
    readme_table,
    record,
    with_table,
)

__all__ = [
    "BUILD",
    "ROOT",
    "Execution",
    "discover",
    "execute",
    "handout",
    "measure",
    "normalise",
    "read",
    "readme_table",
    "record",
    "run",
    "site",
    "slides",
    "table",
    "title",
    "with_open_solutions",
    "with_table",
    "without_solutions",
    "write_pages",
]
