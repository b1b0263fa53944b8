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
    from hf_tutorial.hub import failures
    from hf_tutorial.refused import one_line

    missing: dict[str, OSError] = {}
    for ask, _, roles in _tables():
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


def _tables() -> tuple:
    from hf_tutorial import sources

    return (
        (sources.checkpoint, "model", sources.CHECKPOINTS),
        (sources.dataset, "dataset", sources.DATASETS),
        (sources.metric, "space", sources.METRICS),
    )


def report(missing: list[str], reasons: list[str]) -> int:
    """Say that all is there and how large it is, or what is not and why."""
    from huggingface_hub import constants, scan_cache_dir

    cache = constants.HF_HUB_CACHE
    if not missing:
        tables = _tables()
        asked = {(kind, name) for _, kind, roles in tables for _, name, *_ in roles.values()}  # fmt: skip
        found = {(one.repo_type, one.repo_id): one for one in scan_cache_dir(cache).repos}  # fmt: skip
        size = sum(found[one].size_on_disk for one in asked & set(found)) / 1e6
        print(f"All that the notebooks ask the Hub for is in {cache} ({size:,.0f} MB).")
        return 0
    print(f"Not in {cache}: {', '.join(missing)}.", file=sys.stderr)
    for reason in reasons:
        print(f"{reason[0].upper()}{reason[1:]}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
