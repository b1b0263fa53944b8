#!/usr/bin/env bash
# safetensors.numpy.save_file of a transposed array writes a file with the right shape and the wrong numbers.
#
# Seen 2026-11-28 with safetensors 0.8.0, numpy 2.4.6, Python 3.11, Linux x86-64.
# Expected: the file holds the array that was given; or an error, as safetensors.torch.save_file raises for such a tensor
#   ("You are trying to save a non contiguous tensor").
# Seen: the numbers are written in the order in which they lie in memory. The transposed array of 2 x 3 numbers 0 to 5
#   comes back as [[0, 1], [2, 3], [4, 5]] instead of [[0, 3], [1, 4], [2, 5]]. So do an array in Fortran's order, and one of which every
#   second column was taken. No error, no warning; the docstring says that tensors "need to be contiguous and dense".
# Who is hurt: weights converted from another framework, whose layers hold them transposed: the model loads, and answers nonsense.
# Way out: np.ascontiguousarray(array) for each array before it is saved, and one array read back and compared.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet safetensors==0.8.0 numpy==2.4.6

env/bin/python - <<'PROGRAM' || exit 1
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

array = np.arange(6.0).reshape(2, 3)
given = {"transposed": array.T, "fortran": np.asfortranarray(array), "columns": array[:, ::2], "plain": array}
save_file(given, "given.safetensors")
save_file({name: np.ascontiguousarray(a) for name, a in given.items()}, "packed.safetensors")
found, packed = load_file("given.safetensors"), load_file("packed.safetensors")
for name, wanted in given.items():
    print(f"{name:10} wanted {wanted.tolist()}, came back {found[name].tolist()}")
shapes = all(found[name].shape == wanted.shape for name, wanted in given.items())
right = [name for name, wanted in given.items() if np.array_equal(found[name], wanted)]
packed_right = all(np.array_equal(packed[name], wanted) for name, wanted in given.items())
if not (shapes and right == ["plain"] and packed_right):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
