"""One submission, run behind walls in a process of its own: `python -m hf_tutorial.marks.alone`.

What happens is written as lines of JSON to a pipe that the kernel does not have. If this process
is killed, what it had said by then counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import sys
import time
from pathlib import Path

from hf_tutorial.marks import walls
from hf_tutorial.marks.judging import KIND

# jsonschema, below nbformat, would build a grammar of web addresses from it, for a second and more
# at each start; it does without where it cannot be imported, and no notebook holds such a field.
sys.modules.setdefault("rfc3987_syntax", None)

GRACE = 5  # seconds in which a cell that was interrupted has to end
MOST_SENT = (
    2_000_000  # letters that a cell may print; a long log of a training has 20,000
)
LARGEST_FILE = 2_000_000_000  # bytes
SETUP = """
import importlib.util
{judge} = importlib.util.spec_from_file_location("{judge}", {program!r})
{judge}_module = importlib.util.module_from_spec({judge})
{judge}.loader.exec_module({judge}_module)
{judge} = {judge}_module.Judge({source!r}, globals())
get_ipython().events.register("pre_run_cell", {judge}.count_anew)
del {judge}_module, importlib
"""


def main(job: Path, pipe: int) -> None:
    """Run the submission that a job describes, and tell of it through a pipe."""
    given = json.loads(job.read_text(encoding="utf-8"))
    limit(given["memory"])
    walls.keep_orphans()
    walls.raise_around(frozenset(given["walls"]), Path(given["folder"]))
    with os.fdopen(pipe, "w", encoding="utf-8", errors="replace", buffering=1) as told:

        def tell(what: str, **more) -> None:
            line = json.dumps({"what": what, **more}, ensure_ascii=False)
            told.write(line + "\n")

        try:
            prepared = prepare(given)
        except (ValueError, RecursionError) as error:
            tell("refused", why=" ".join(str(error).split())[:300])
            return
        plan = dataclasses.asdict(prepared)
        plan["lesson"] = {"name": prepared.lesson.name}
        tell("planned", plan=plan)
        if not prepared.untouched:
            asyncio.run(Run(given, prepared, tell).all())
        tell("ended")


def limit(memory: int) -> None:
    """Bound what each process may take, so that most of what is too much fails by itself."""
    with contextlib.suppress(ImportError):  # Windows has none of this
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        if (
            sys.platform == "linux"
        ):  # what was reserved and not used does not count there
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def prepare(given: dict):
    """Read the submission and find the answers in it.

    Raises:
        ValueError: It is no notebook, or none of ours.
    """
    from hf_tutorial import collection
    from hf_tutorial.marks import exercises

    lessons = [
        exercises.Lesson(
            lesson["name"],
            lesson["title"],
            tuple(exercises.Exercise(**e) for e in lesson["exercises"]),
            frozenset(lesson["ids"]),
            frozenset(lesson["raising"]),
        )
        for lesson in given["lessons"]
    ]
    content = Path(given["notebook"]).read_bytes().decode("utf-8-sig", "replace")
    notebook = collection.parse(_plain(content), given["name"])
    lesson = exercises.recognise(notebook, lessons)
    if lesson is None:
        raise ValueError(
            "none of our notebooks: it has no cell, check or heading of theirs"
        )
    return exercises.plan(notebook, lesson)


def _plain(text: str) -> str:
    """Leave out what programs add to a notebook as a whole, valid or not: nothing here reads it."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(content, dict) and content.get("nbformat") == 4:
        content["metadata"] = {}
        return json.dumps(content)
    return text


class Run:
    """The kernel of one submission, its cells, and our checks after those that answer."""

    def __init__(self, given: dict, prepared, tell):
        """Take the job, the plan, and where to tell what happens."""
        self.given, self.plan, self.tell = given, prepared, tell
        self.end = time.monotonic() + given["seconds"]
        # Not a name that an answer would use by accident.
        self.judge = f"judge_{secrets.token_hex(8)}"

    async def all(self) -> None:
        """Run every cell, and tell what each did; stop when the kernel is gone."""
        from nbclient.exceptions import DeadKernelError

        self.client = _client(self.given)
        try:
            async with self.client.async_setup_kernel(env=self.given["environment"]):
                begun = await self.cell(self.setup())
                if begun["raised"]:
                    raise RuntimeError(begun["raised"])
                self.end = time.monotonic() + self.given["seconds"]
                for number, source in self.plan.cells:
                    self.tell("began", cell=number)
                    done = await self.cell(source)
                    self.tell("ran", cell=number, **done)
                    await self.ask(number, done["raised"])
        except DeadKernelError:
            self.tell(
                "over", why="its kernel was ended, by itself or for want of memory"
            )
        except TimeoutError as error:
            self.tell("over", why=str(error))
        except RuntimeError as error:  # the kernel did not answer when it started
            self.tell("over", why=f"no kernel: {error}")

    def setup(self) -> str:
        """Write the cell that puts the judge into the kernel, and imports nothing of ours."""
        program = str(Path(__file__).with_name("judging.py"))
        source = self.given["source"]
        return SETUP.format(judge=self.judge, program=program, source=source)

    async def ask(self, number: int, raised: str) -> None:
        """Ask our checks about the answers of a cell that ran to its end."""
        for attempt in self.plan.attempts:
            if attempt.cell != number or attempt.untouched or raised:
                continue
            check = attempt.exercise.check
            for arguments in attempt.asks:
                done = await self.cell(f'{self.judge}("{check}")({arguments})')
                self.tell("judged", cell=number, check=check, **done)

    async def cell(self, source: str) -> dict:
        """Run some code; half of the time that is left is the most it gets.

        Returns:
            What it raised, if anything, the verdict if it was asked for one, and the verdicts
            that it printed.

        Raises:
            TimeoutError: It does not let itself be interrupted, or no time is left.
            DeadKernelError: The kernel ended.
        """
        from nbformat.v4 import new_code_cell

        from hf_tutorial.marks.exercises import said

        left = self.end - time.monotonic()
        if left < 1:
            raise TimeoutError(f"no answer within {self.given['seconds']} s")
        cell = new_code_cell(source)
        self.client.nb.cells[0] = cell
        self.client.begin()
        task = asyncio.ensure_future(self.client.async_execute_cell(cell, 0))
        flood = asyncio.ensure_future(self.client.flooded.wait())
        await asyncio.wait(
            {task, flood}, timeout=left / 2, return_when=asyncio.FIRST_COMPLETED
        )
        stopped = ""
        if not task.done():
            stopped = f"stopped: no answer within {left / 2:.0f} s"
            if flood.done():
                stopped = f"stopped: over {MOST_SENT:,} letters of outputs"
            await self.client.km.interrupt_kernel()
            await asyncio.wait({task}, timeout=GRACE)
        flood.cancel()
        if not task.done():
            task.cancel()
            raise TimeoutError(f"{stopped}, and did not let itself be interrupted")
        task.result()
        verdict = next(
            (o.data[KIND] for o in cell.outputs if KIND in o.get("data", {})), None
        )
        return {
            "raised": stopped or _raised(cell),
            "said": said(cell.outputs),
            "verdict": verdict,
        }


def _raised(cell) -> str:
    errors = [o for o in cell.outputs if o.output_type == "error"]
    if not errors:
        return ""
    text = f"{errors[-1].ename}: {' '.join(str(errors[-1].evalue).split())}"
    return text[:300]


def _client(given: dict):
    """Prepare nbclient's client: our kernel behind its guard, and an end to all outputs."""
    from jupyter_client import AsyncKernelManager
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    from hf_tutorial import kernels

    class Bounded(NotebookClient):
        """A client that takes in so much of a cell and no more."""

        def create_kernel_manager(self) -> AsyncKernelManager:
            self.km = manager = kernels.manager(AsyncKernelManager)
            guard = [str(Path(__file__).with_name("guarded.py")), *given["guard"]]
            spec = manager.kernel_spec
            spec.argv = [spec.argv[0], *guard, *spec.argv[2:]]
            return manager

        def begin(self) -> None:
            self.printed, self.flooded = 0, asyncio.Event()

        def process_message(self, message, cell, index):
            if message["msg_type"] in _PRINTS:
                self.printed += len(str(message["content"]))
                if self.printed > MOST_SENT:
                    self.flooded.set()
                    return None
            return super().process_message(message, cell, index)

    return Bounded(
        new_notebook(cells=[new_code_cell("")]),
        allow_errors=True,
        # Not coalesce_streams: the time it takes grows with the square of a line's length.
        resources={"metadata": {"path": given["cwd"]}},
    )


_PRINTS = {"stream", "display_data", "execute_result", "update_display_data", "error"}

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
