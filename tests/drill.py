"""Kill the training script twenty times: `make drill`. Not part of `make test`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import tests.test_train as held
from tests.test_train import (
    command,
    environment,
    equal,
    kill_and_resume,
    losses,
    weights,
)

KILLS = 20
LONGER = ("--epochs", 200)  # so that the last kill still meets a run, not its end


def main() -> int:
    """Return 0 if the killed run ends with the weights and losses of the whole one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tiny = held.tiny.__wrapped__(
            type("Factory", (), {"mktemp": lambda _, n: folder})()
        )
        rows = folder / "rows.jsonl"
        held.table([n % 2 for n in range(40)]).to_json(rows)
        subprocess.run(command(tiny, rows, folder / "whole", *LONGER), env=environment(folder),
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        killed, at = kill_and_resume(tiny, rows, folder, KILLS, 1, *LONGER)
        same = equal(weights(folder / "whole"), weights(killed))
        same = same and losses(folder / "whole") == losses(killed)
        print(
            f"killed {len(at)} times, with these many lines written: {json.dumps(at)}"
        )
        early = at[-1] < len(losses(killed))
        print("same weights and losses as without:", same)
        print("all kills before the end:", early)
    return 0 if same and early else 1


if __name__ == "__main__":
    sys.exit(main())
