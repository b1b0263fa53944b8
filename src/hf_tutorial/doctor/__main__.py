"""Run it: `python -m hf_tutorial.doctor`."""

import sys

from hf_tutorial.doctor import main

if __name__ == "__main__":
    sys.exit(main())
