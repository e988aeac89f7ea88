"""The teacher: EfficientAT's mn04 (Schmid et al., ICASSP 2023; MIT licence), built anew from its description.

It scores the 527 sounds of AudioSet (mean average precision 0.432). Its picture of a sound, 128 mel bands of 32 kHz
sound every 10 ms, is the one that the bundled model looks at, too.
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from audioprompt.models.embedded import SOUNDS, LogMel
from audioprompt.models.mobilenet import FEATURES, as_channels, scaled
from tools.embedded.net import Net, fuse


class Teacher(nn.Module):
    """mn04 with the weights in a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.features = Net()
        self.classifier = nn.ModuleDict({"2": nn.Linear(FEATURES, scaled(1280)), "5": nn.Linear(scaled(1280), SOUNDS)})
        weights = load_file(file)
        self.load_state_dict({name.replace("conc_se_layers.0.", ""): tensor for name, tensor in weights.items()})
        self.picture = LogMel()
        self.eval().requires_grad_(False)
        fuse(self.features)

    def see(self, pictures: Tensor) -> Tensor:
        """Log-mel pictures ``[B, frames, 128]`` -> what is where, ``[B, 384, 4, frames / 32]``."""
        return self.features(as_channels(pictures))

    def judge(self, features: Tensor) -> Tensor:
        """Features averaged over time and frequency, ``[B, 384]`` -> logits ``[B, 527]``."""
        return self.classifier["5"](nn.functional.hardswish(self.classifier["2"](features)))
