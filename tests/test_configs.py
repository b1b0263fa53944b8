"""The configurations of notebooks/accelerate, read by Accelerate's own classes."""

import re

import pytest
import yaml
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType

from hf_tutorial import NOTEBOOKS

FOLDER = NOTEBOOKS / "accelerate"
KINDS = {
    "cpu": DistributedType.NO,
    "gpus": DistributedType.MULTI_GPU,
    "fsdp": DistributedType.FSDP,
    "deepspeed": DistributedType.DEEPSPEED,
    "two_nodes": DistributedType.MULTI_GPU,
}


def options():
    """Every option that `accelerate launch` has; a key of a config must be one of them."""
    actions = launch_command_parser()._actions
    return {
        word.lstrip("-").replace("-", "_")
        for action in actions
        for word in action.option_strings
    }


def test_every_config_is_tested():
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_accelerate_reads_it_as_the_kind_that_it_is(name):
    config = load_config_from_file(str(FOLDER / f"{name}.yaml"))
    assert isinstance(config, ClusterConfig)
    assert config.distributed_type == KINDS[name]
    assert config.num_processes >= 1 and config.mixed_precision in ("no", "bf16")


@pytest.mark.parametrize("name", KINDS)
def test_every_key_is_an_option_of_accelerate_launch(name):
    keys = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    inner = {**keys.pop("fsdp_config", {}), **keys.pop("deepspeed_config", {})}
    known = options() | {"compute_environment", "distributed_type", "use_cpu"}
    assert set(inner) <= known
    assert set(keys) - known == set()


def test_every_process_reads_the_checkpoint_under_fsdp():
    """Else a new head is trained on one of them only: tests/test_strategies.py."""
    keys = yaml.safe_load((FOLDER / "fsdp.yaml").read_text())["fsdp_config"]
    assert keys["fsdp_cpu_ram_efficient_loading"] is False


def test_layer_that_fsdp_wraps_is_named_for_each_encoder():
    from transformers.models.bert import modeling_bert
    from transformers.models.distilbert import modeling_distilbert

    line = next(
        line for line in (FOLDER / "fsdp.yaml").read_text().splitlines()
        if "layer_cls_to_wrap" in line
    )  # fmt: skip
    for module, name in (
        (modeling_bert, "BertLayer"),
        (modeling_distilbert, "TransformerBlock"),
    ):
        assert name in line and hasattr(module, name)


def test_misspelt_key_is_refused(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text((FOLDER / "cpu.yaml").read_text() + "mixed_precison: bf16\n")
    with pytest.raises(ValueError, match="mixed_precison"):
        load_config_from_file(str(file))


def test_every_config_says_what_it_is_for_in_its_first_line():
    for file in FOLDER.glob("*.yaml"):
        assert re.match(r"# .{20,}", file.read_text())
