"""The command line of `hf_tutorial.marks`."""

import argparse
import os
import sys
from pathlib import Path

from hf_tutorial import marks


def main(arguments: list[str] | None = None) -> int:
    """Mark what a folder holds; return the exit status."""
    from hf_tutorial.marks.running import Limits

    usual = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m hf_tutorial.marks",
        description="Run the notebooks that students hand back, and say which answers are right.",
    )
    parser.add_argument("submissions", help="a folder, or a zip file of a platform")
    parser.add_argument(
        "--seconds", type=_positive, default=usual.seconds,
        help=f"time for each notebook (default {usual.seconds})",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=_positive, default=usual.memory // 10**9,
        help=f"GB of memory for each notebook (default {usual.memory // 10**9})",
    )  # fmt: skip
    parser.add_argument(
        "--at-once",
        type=_positive,
        default=2,
        help="how many run side by side (default 2)",
    )
    options = parser.parse_args(arguments)
    if os.name == "nt":
        parser.error("marks need Linux or macOS: on Windows, run them in WSL")
    if not options.submissions.strip():
        parser.error("no folder named: make marks SUBMISSIONS=~/downloads/week1")
    return marks.mark(
        Path(options.submissions).expanduser(),
        limits=Limits(options.seconds, options.memory * 10**9),
        at_once=options.at_once,
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
