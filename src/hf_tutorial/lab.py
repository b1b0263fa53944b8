"""What a Jupyter server of this environment does for the notebooks: `make lab`, or plain Jupyter.

An extension of Jupyter Server, switched on by a file that installing the package puts into the
environment (jupyter_server_config.d). It sees to it that `python3` is this environment's kernel,
and that a notebook of the collection, saved without a change, is the file that it was.
"""

from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.utils import to_os_path

from hf_tutorial import collection, kernels


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(server) -> None:
    """Choose the kernels, before the server makes what starts them."""
    if GatewayClient.instance(parent=server).gateway_enabled:
        return  # kernels run on another machine
    name = "kernel_spec_manager_class"
    chosen = server.trait_has_value(name)  # by a setting of the reader's
    found_by = getattr(server, name) if chosen else KernelSpecManager
    setattr(server, name, kernels.with_own_kernel(found_by))
    managers = server.config.MappingKernelManager
    if "transport_encryption" not in managers:
        managers.transport_encryption = kernels.encryption()


def _load_jupyter_server_extension(server) -> None:
    server.contents_manager.register_pre_save_hook(keep_metadata)


def keep_metadata(model: dict, path: str, contents_manager, **others) -> None:
    """Take out of a notebook about to be saved what JupyterLab has added to its metadata.

    Notebooks of the collection only. Cells, outputs and tags are saved as they are.

    Args:
        model: What JupyterLab sends; changed in place.
        path: Where to save it, as the server counts, from its root.
        contents_manager: What saves it. One that keeps no files is left alone.
        others: Nothing yet; a later server may pass more.
    """
    root = getattr(contents_manager, "root_dir", None)
    if root is None or model.get("type") != "notebook" or not model.get("content"):
        return
    file = Path(to_os_path(path, root)).resolve()
    folder = collection.NOTEBOOKS.resolve()
    if file.parent == folder and file.match(collection.NAME):
        collection.strip_metadata(model["content"], keep_kernel=True)
