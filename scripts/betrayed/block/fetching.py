"""A block that was trained before, by its name in a hub repository."""

import shutil
from pathlib import Path

import huggingface_hub

from betrayed.block.loading import load_block
from betrayed.config.training import HubFile
from betrayed.errors import UserError
from betrayed.io.files import whole_file


def fetch_block(name: str, output: str | Path) -> None:
    """Download a block, check that it is one, and keep it.

    Args:
        name: ``hub:owner/name``, or ``hub:owner/name/path/of/the/file``; without a path it is
            ``block.pt``.
        output: the file to make.

    Raises:
        UserError: the name is none, the file cannot be had, or it holds no block.
    """
    wanted = HubFile.from_name(name)
    try:
        path = Path(huggingface_hub.hf_hub_download(wanted.repository, wanted.file))
    except Exception as error:  # the hub's client has no common class for its errors
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise UserError(
            f"{wanted.file} of {wanted.repository} could not be downloaded from the hub: "
            f"{lines[-1].strip().rstrip('.')}. Check the name in training.checkpoint and the "
            "network, or download the file elsewhere and give its path."
        ) from error
    load_block(path)  # whatever is no block is refused, and named
    with whole_file(output) as temporary:
        shutil.copyfile(path, temporary)
