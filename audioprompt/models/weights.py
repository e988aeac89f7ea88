"""Published weights: read without running any code that may hide in them, and put into place whole or not at all."""

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from audioprompt.models.base import ModelError
from audioprompt.models.downloads import Progress, first_hub_file
from audioprompt.util.places import is_folder

PREPROCESSING = "1"  # goes up when the same weights would give other embeddings

# Buffers that transformers stored until 2023 and now computes: in the published files, in no module.
STORED_NO_LONGER = re.compile(r"\.position_ids$|\.attn\.(masked_)?bias$")


def read_stored(path: Path) -> Any:
    """Return what a file of torch or safetensors holds, mapped into memory, not read yet.

    Raises:
        ModelError: there is no such file, it is damaged, or it holds anything else than tensors.
    """
    if is_folder(path):
        raise ModelError(f"{path} is a folder; give the file of the weights in it.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}; check the path of the weights.") from error
    except Exception as error:  # of torch, zip and pickle; their advice to trust the file is not passed on
        raise ModelError(
            f"{path} cannot be read as weights: it is damaged, or holds more than tensors, which could run code;"
            " delete it and download it again."
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file that holds them by name, as `read_stored` does; empty ones are left out.

    Raises:
        ModelError: there is no such file, it is damaged, or it holds anything else.
    """
    stored = read_stored(path)
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise ModelError(f"{path} does not hold tensors by their names alone; use the published file.")
    return {name: tensor for name, tensor in stored.items() if tensor.numel()}


def companion(weights: Path | None, repo: str, *names: str, progress: Progress | None = None) -> Path:
    """Return a file that weights need besides: beside them where they are given, else from a repository of the hub.

    Args:
        weights: the file that was given, None where none was.
        repo: the repository.
        names: that the file may have, of which the first there is counts.
        progress: called while it is downloaded.

    Raises:
        ModelError: it is in neither place.
    """
    if weights is None:
        return first_hub_file(repo, names, progress)
    for name in names:
        if (beside := weights.parent / name).is_file():
            return beside
    try:
        return first_hub_file(repo, names, progress)
    except ModelError as error:
        raise ModelError(
            f"These weights need the {' or '.join(names)} of {repo}, which is neither beside them nor to be had from"
            " the hub: put it into the same folder."
        ) from error


def fill(module: nn.Module, stored: Mapping[str, Tensor], name: str) -> None:
    """Copy stored tensors into a module.

    Raises:
        ModelError: they are not exactly what the module needs.
    """
    needed = module.state_dict()
    stored = {key: value for key, value in stored.items() if key in needed or not STORED_NO_LONGER.search(key)}
    shapes = [
        f"{key} is {list(stored[key].shape)} instead of {list(tensor.shape)}"
        for key, tensor in needed.items()
        if key in stored and stored[key].shape != tensor.shape
    ]
    differences = {
        "missing": [key for key in needed if key not in stored],
        "unknown": [key for key in stored if key not in needed],
        "of another shape": shapes,
    }
    if any(differences.values()):
        found = "; ".join(
            f"{len(keys)} {kind} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
            for kind, keys in differences.items()
            if keys
        )
        raise ModelError(
            f"These are not the weights of {name}, entries {found}; use the file that is published for it."
        )
    module.load_state_dict(stored)


def revision(module: nn.Module, vocabulary: Path) -> str:
    """Return what makes embeddings comparable: a hash of the weights, the tokenizer and the preprocessing."""
    digest = hashlib.sha256(PREPROCESSING.encode() + vocabulary.read_bytes())
    for key, tensor in sorted(module.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()[:12]
