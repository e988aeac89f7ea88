"""The audio tower as it is trained: the product's, with batch norm in the net's layers."""

from audioprompt.models.embedded import AudioTower
from tools.embedded.net import Net


class TrainedTower(AudioTower):
    """The tower that `tools.embedded.train` trains and `tools.embedded.export_audio` packs."""

    def __init__(self) -> None:
        super().__init__()
        self.net: Net = Net()
