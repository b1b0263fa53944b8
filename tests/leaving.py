"""Run a program as its launcher does, and count the models left when its processes part.

    torchrun --nproc_per_node 2 -m tests.leaving [--stop] PROGRAM WORDS...

PROGRAM is a file or a module. With --stop the first step ends it, as a signal would. A model that
is freed after the group of its processes waits for ever, now and then, on a busy machine (torch
2.13 on gloo; known upstream as pytorch 56297): it holds Python's lock while it waits for the
group's threads, and they wait for the lock.
"""

import gc
import runpy
import sys

import torch.distributed
from accelerate import Accelerator
from torch.nn.parallel import DistributedDataParallel

if sys.argv[1] == "--stop":
    del sys.argv[1]
    Accelerator.check_trigger = lambda self: True
destroy = torch.distributed.destroy_process_group


def counted(group=None):
    models = [o for o in gc.get_objects() if isinstance(o, DistributedDataParallel)]
    print(f"parted with {len(models)}\n", end="", flush=True)
    torch.distributed.destroy_process_group = destroy
    if not models:  # else it might wait for ever; a later call may be safe
        destroy(group)


torch.distributed.destroy_process_group = counted
_, program, *sys.argv[1:] = sys.argv
run = runpy.run_path if program.endswith(".py") else runpy.run_module
run(program, run_name="__main__")
