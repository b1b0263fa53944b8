"""Fetch beforehand all that the notebooks ask the Hub for, or say what of it is missing.

python -m hf_tutorial.hub                      # into the cache, HF_HOME
HF_HUB_OFFLINE=1 python -m hf_tutorial.hub     # ask nobody: is all there?
"""

import os
import sys


def main() -> int:
    """Go through all roles; the exit status is 1 where one is missing."""
    os.environ["HF_TUTORIAL_SOURCE"] = "hub"
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from hf_tutorial import sources
    from hf_tutorial.hub import failures
    from hf_tutorial.refused import one_line

    missing: dict[str, OSError] = {}
    tables = (
        (sources.checkpoint, sources.CHECKPOINTS),
        (sources.dataset, sources.DATASETS),
        (sources.metric, sources.METRICS),
    )
    for ask, roles in tables:
        for role, (_, repository, *_) in roles.items():
            try:
                ask(role)
            except OSError as error:
                missing[repository] = error
            except KeyboardInterrupt:
                print("Stopped: what came whole stays, and the same command goes on.",
                      file=sys.stderr)  # fmt: skip
                return 130
    del os.environ["HF_TUTORIAL_SOURCE"]  # so that no way out says to leave it out
    reasons = {failures.sentence(e) or one_line(e): True for e in missing.values()}
    return report([*missing], [*reasons])


# Those of start(): what is tested is what runs, and how a failure ends is said once.
SETTINGS = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_VERBOSITY": "error"}


def report(missing: list[str], reasons: list[str]) -> int:
    """Say that all is there and how large it is, or what is not and why."""
    from huggingface_hub import constants, scan_cache_dir

    cache = constants.HF_HUB_CACHE
    if not missing:
        size = scan_cache_dir(cache).size_on_disk / 1e6
        print(f"All that the notebooks ask the Hub for is in {cache} ({size:,.0f} MB).")
        return 0
    print(f"Not in {cache}: {', '.join(missing)}.", file=sys.stderr)
    for reason in reasons:
        print(f"{reason[0].upper()}{reason[1:]}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
