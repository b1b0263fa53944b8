"""Execute the notebooks: into pages to read, back into the repository, or into hand-outs.

python -m hf_tutorial.publish run       # into build/, notebooks/ is only read
python -m hf_tutorial.publish record    # outputs and minutes into notebooks/ and README
python -m hf_tutorial.publish handout   # build/handout/: no solutions, no outputs
"""

from hf_tutorial.collection import BUILD, ROOT, discover, read, title
from hf_tutorial.publish.executing import Execution, execute, table
from hf_tutorial.publish.handouts import handout, without_solutions
from hf_tutorial.publish.pages import run, write_pages
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
    "table",
    "title",
    "with_table",
    "without_solutions",
    "write_pages",
]
