"""Run a module with an Accelerate that honours its plugins on a CPU: for tests only.

    torchrun ... -m tests.honour hf_tutorial.train --output-dir ...

On a CPU, Accelerate 1.15 reads the settings of FSDP and DeepSpeed and then ignores them:
every process has a whole copy of the model (DDP). Here its state is set right after it was
made; everything else is Accelerate's own code, over gloo.
"""

import runpy
import sys

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

made = AcceleratorState.__init__


def honoured(
    self, *arguments, deepspeed_plugin=None, fsdp_plugin=None, **options
) -> None:
    """Make the state as Accelerate does, then set what it would set on GPUs."""
    first = not AcceleratorState._shared_state
    made(
        self, *arguments, deepspeed_plugin=deepspeed_plugin, fsdp_plugin=fsdp_plugin, **options
    )  # fmt: skip
    if not first:
        return
    if deepspeed_plugin is not None:
        precision = self._mixed_precision
        self.distributed_type = DistributedType.DEEPSPEED
        self.__dict__["_mixed_precision"] = "no"  # DeepSpeed's own configuration has it
        deepspeed_plugin.set_mixed_precision(precision)
        deepspeed_plugin.select(_from_accelerator_state=True)
        self.deepspeed_plugins = deepspeed_plugin
    elif fsdp_plugin is not None:
        self.distributed_type = DistributedType.FSDP
        if self._mixed_precision != "no":
            fsdp_plugin.set_mixed_precision(self._mixed_precision)
        self.fsdp_plugin = fsdp_plugin
    # Every later AcceleratorState() takes it from there.
    PartialState._shared_state["distributed_type"] = self.distributed_type


if __name__ == "__main__":
    AcceleratorState.__init__ = honoured
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
