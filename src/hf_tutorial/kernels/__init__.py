"""Which kernel runs the notebooks: this environment's, without settings of the reader's own.

Jupyter takes the first kernel called `python3` that it finds, which may belong to another
environment, and IPython reads the profile in the reader's home. Either changes what a cell
prints, so `make run`, `record`, `test` and `lab` all ask here.
"""

import sys
from pathlib import Path

import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager

PROGRAM = Path(__file__).with_name("__main__.py")
DIED = "the kernel died (out of memory, or killed?)"


def with_own_kernel(base: type[KernelSpecManager]) -> type[KernelSpecManager]:
    """Derive a finder of kernels that has this environment's under the name `python3`.

    Args:
        base: How kernels are found otherwise. All others that it finds stay.
    """

    class Kernels(base):
        """Kernels as `base` finds them, and under `python3` that of this environment."""

        def find_kernel_specs(self) -> dict[str, str]:
            """Name the folder of each kernel."""
            own = {NATIVE_KERNEL_NAME: _own().resource_dir}
            return {**super().find_kernel_specs(), **own}

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            """Tell how a kernel is started."""
            if kernel_name.lower() == NATIVE_KERNEL_NAME:
                return _own()
            return super().get_kernel_spec(kernel_name)

        def get_all_specs(self) -> dict[str, dict]:
            """Tell of each kernel how it is started."""
            own = {"resource_dir": _own().resource_dir, "spec": _own().to_dict()}
            return {**super().get_all_specs(), NATIVE_KERNEL_NAME: own}

    return Kernels


def manager(kind: type[KernelManager] = KernelManager) -> KernelManager:
    """Prepare a kernel of this environment; not started.

    Args:
        kind: The class of manager: one that waits, or an asynchronous one.
    """
    return kind(
        kernel_name=NATIVE_KERNEL_NAME,
        kernel_spec_manager=with_own_kernel(KernelSpecManager)(),
        transport_encryption=encryption(),
    )


def encryption() -> str:
    """Choose whether messages are encrypted: wherever the ZeroMQ library can.

    Without, each kernel warns on stderr that its messages cross TCP in plain text. IPC would
    be quiet too, but not on Windows, nor where the path of its socket is over 100 signs long.
    """
    return "auto" if zmq.has("curve") else "disabled"


def _own() -> KernelSpec:
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict

    start = [sys.executable, str(PROGRAM), "-f", "{connection_file}"]
    # JupyterLab writes the name that is displayed into each notebook it saves.
    own = {"argv": start, "display_name": "Python 3"}
    return KernelSpec(resource_dir=RESOURCES, **{**get_kernel_dict(), **own})
