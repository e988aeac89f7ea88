"""Shards embedded by the machines of a Ray cluster; without one, by processes of this machine.

Sources and shards are to lie where all machines see them under the same path. A worker that dies is replaced, and its
shard is made again: shards are written whole, so nothing is there twice or by halves.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audioprompt.data.recordings import FoundFile
from audioprompt.models import registry
from audioprompt.services.folders.embed import embed_shards
from audioprompt.services.folders.shards import EmbedError, Shard

MISSING = "Ray is not installed: pip install 'audioprompt[ray]', or leave --ray away."


@dataclass(frozen=True)
class ModelChoice:
    """The model that each worker loads: what `registry.load` takes."""

    name: str
    device: str
    weights: Path | None
    half: bool


class ShardWorker:
    """One process of the cluster, which loads the model once and makes one shard after the other."""

    def __init__(self, choice: ModelChoice, root: str, folder: str) -> None:
        self.model = registry.load(choice.name, choice.device, choice.weights, choice.half)
        self.root, self.folder = Path(root), Path(folder)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Make the shard of a row, and say how many recordings it has."""
        files = tuple(FoundFile(self.root, *file) for file in json.loads(row["files"]))
        for _ in embed_shards(self.model, [Shard(int(row["number"]), files)], self.folder, workers=1):
            pass
        return {"number": row["number"]}


def check_ray() -> None:
    """Make sure that Ray Data is there.

    Raises:
        EmbedError: it is not installed.
    """
    try:
        import ray.data  # noqa: F401
    except ImportError:
        raise EmbedError(MISSING) from None


def embed_on_ray(
    choice: ModelChoice, shards: Sequence[Shard], root: Path, folder: Path, workers: int | None = None
) -> Iterator[Shard]:
    """Embed the recordings of shards on the cluster that ``RAY_ADDRESS`` names, or on this machine.

    Args:
        choice: the model.
        shards: those to be made.
        root: what their names are relative to.
        folder: where to write them.
        workers: how many there are at most; by default one for each GPU, or each core where there is none.

    Yields:
        Each shard once it is written.

    Raises:
        EmbedError: Ray is not installed.
    """
    check_ray()
    import ray

    ray.init(ignore_reinit_error=True, log_to_driver=False)
    has = ray.cluster_resources()
    gpus = int(has.get("GPU", 0))
    workers = min(len(shards), workers or gpus or int(has.get("CPU", 1)))
    rows = [
        {"number": shard.number, "files": json.dumps([[file.name, *file.version] for file in shard.files])}
        for shard in shards
    ]
    made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        ShardWorker,
        fn_constructor_args=(choice, str(root.absolute()), str(folder.absolute())),
        concurrency=workers,
        num_cpus=0 if gpus else 1,
        num_gpus=1 if gpus else 0,
        max_restarts=-1,
        max_task_retries=-1,
    )
    by_number = {shard.number: shard for shard in shards}
    for row in made.iter_rows():
        yield by_number[int(row["number"])]
