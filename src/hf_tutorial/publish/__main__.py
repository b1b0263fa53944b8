"""The command line of `hf_tutorial.publish`."""

import argparse
import sys
from pathlib import Path

from hf_tutorial import publish


def main(arguments: list[str] | None = None, root: Path = publish.ROOT) -> int:
    """Run one of the commands on the checkout in `root`; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m hf_tutorial.publish",
        description=publish.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="execute every notebook into build/")
    recording = commands.add_parser("record", help="save outputs into notebooks/")
    recording.add_argument(
        "names", nargs="*", help="beginnings of names, such as 03; default all"
    )
    commands.add_parser("handout", help="copies for students and for the instructor")
    commands.add_parser("slides", help="a deck for each notebook into build/slides/")
    commands.add_parser("site", help="the saved notebooks as pages into build/site/")
    options = parser.parse_args(arguments)
    try:
        publish.discover(root / "notebooks")
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    if options.command == "record":
        return publish.record(options.names, root)
    tasks = {
        "run": publish.run,
        "handout": publish.handout,
        "slides": publish.slides,
        "site": publish.site,
    }
    return tasks[options.command](root)


if __name__ == "__main__":
    sys.exit(main())
