"""Meta's PE-AV and PE-A-Frame, as transformers 5 has them, as models of audioprompt.

PE-AV hears a window as a whole; PE-A-Frame hears it in frames of 40 ms, and a window is the mean of its frames. Both
were learned with a sigmoid for each pair of a sound and a text: their logits are ``scale * (sound @ text) + bias``, of
vectors that are not of length 1. What is made of them here:

* The vectors are brought to length 1, as the interface asks. They come of a layer norm and a projection, so that their
  lengths ought to differ little; a threshold that was set for the model's own logits does not fit these.
* ``logit_scale`` is the model's own scale. The bias is the same for all texts: it changes neither which text fits best
  nor any softmax, and the interface has no place for it. Whether something is heard at all is told by a threshold
  that is set on clips, as with every other model.

Windows of ten seconds are our choice: the model takes any length. Texts are cut at 512 tokens, as Meta's own code does.

Vyas et al. 2025, "Pushing the Frontier of Audiovisual Perception with Large-Scale Multimodal Correspondence Learning".
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.base import ModelError
from audioprompt.models.downloads import hub_file
from audioprompt.models.registry import ModelEntry, Progress
from audioprompt.models.text import TextTokenizer, WordTable
from audioprompt.models.towers import TwoTowers
from audioprompt.models.weights import revision

try:
    from transformers import AutoConfig, PeAudioFrameLevelModel, PeAudioModel
except ImportError as error:
    raise ImportError(
        "PE-AV and PE-A-Frame need transformers 5, which msclap does not take: give them an environment of their own,"
        " as docs/models.md says"
    ) from error

REPOSITORIES = {"pe-av": "facebook/pe-av-small", "pe-a-frame": "facebook/pe-a-frame-small"}
WINDOW_SECONDS = 10.0
TOKENS = 512


class Text(WordTable):
    """The text tower, a ModernBERT of which the first token is read."""

    def __init__(self, net: PeAudioModel, tokenizer: TextTokenizer) -> None:
        super().__init__(net.text_model.get_input_embeddings(), tokenizer)
        self.net = net

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        read = self.net.text_model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state[:, 0]
        return functional.normalize(self.net.text_audio_head(read), dim=-1)


class PeAv(TwoTowers):
    """A ``PeAudioModel``: one vector for a window."""

    window_seconds = WINDOW_SECONDS

    def __init__(self, name: str, net: PeAudioModel, tokenizer: TextTokenizer, revision: str, device: str) -> None:
        codec = net.config.audio_config.dac_config
        self.name, self.revision, self.device = name, revision, device
        self.net = net.eval().requires_grad_(False).to(device)
        self.text = Text(self.net, tokenizer)
        self.dim: int = net.config.text_config.hidden_size
        self.sample_rate: int = codec.sampling_rate
        self.frame_seconds: float = codec.hop_length / codec.sampling_rate
        self.logit_scale: float = net.text_audio_logit_scale.item()

    def hear(self, windows: Tensor) -> Tensor:
        return self.net.audio_encoder(windows[:, None]).pooler_output

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self.net.audio_head(features), dim=-1)


class PeAFrame(PeAv):
    """A ``PeAudioFrameLevelModel``: a vector for every 40 ms of a window."""

    def hear(self, windows: Tensor) -> Tensor:
        return self.net.audio_encoder(windows[:, None]).last_hidden_state.flatten(1)

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self._frames(features).mean(dim=1), dim=-1)

    def embed_frames(self, windows: Tensor) -> Tensor:
        return self.project_frames(self.audio_features(windows))

    @torch.inference_mode()
    def project_frames(self, features: Tensor) -> Tensor:
        return functional.normalize(self._frames(features.to(self.device)), dim=-1)

    def _frames(self, features: Tensor) -> Tensor:
        return self.net.audio_head(features.unflatten(1, (-1, self.net.config.audio_config.hidden_size)))


def load(name: str, device: str, weights: Path | None, progress: Progress | None) -> PeAv:
    """Load a model from a folder with the files of its repository, of any size, or from the hub.

    Raises:
        ModelError: it cannot be had from there.
    """
    folder = weights or _download(REPOSITORIES[name], progress)
    framed = name == "pe-a-frame"
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type == "pe_audio_video":
            config = config.audio_config  # the model of sound and text within that of sound, text and video
        kind = PeAudioFrameLevelModel if framed else PeAudioModel
        net, report = kind.from_pretrained(
            folder, config=config, dtype=torch.float32, output_loading_info=True, local_files_only=True
        )
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{name} cannot be loaded from {folder} ({why}); get its files again.") from error
    # Meta's code reads the 22nd layer of 28, which no norm follows; transformers keeps 22, and the norm of the last.
    net.text_model.final_norm = nn.Identity()
    if missing := sorted(set(report["missing_keys"]) - {"text_model.final_norm.weight"}):
        raise ModelError(f"The weights in {folder} lack {len(missing)} entries ({missing[0]}); get {name}'s files.")
    file = folder / "tokenizer.json"
    tokenizer = TextTokenizer(file, limit=TOKENS, vocabulary=config.text_config.vocab_size, end="[SEP]")
    return (PeAFrame if framed else PeAv)(name, net, tokenizer, revision(net, file), device)


def _download(repository: str, progress: Progress | None) -> Path:
    """Fetch what is needed of a repository; returns the folder of the hub's cache that holds it."""
    for name in ("config.json", "tokenizer.json"):
        hub_file(repository, name)
    return hub_file(repository, "model.safetensors", progress).parent


PE_AV = ModelEntry(
    name="pe-av",
    description="Meta's PE-AV (pe-av-small), its towers for sound and text; 48 kHz, windows of 10 s.",
    size="some GB, the video tower among them, downloaded on first use",
    licence="Apache-2.0",
    load=partial(load, "pe-av"),
    repository=REPOSITORIES["pe-av"],
)
PE_A_FRAME = ModelEntry(
    name="pe-a-frame",
    description="Meta's PE-A-Frame (pe-a-frame-small), for what is heard when; 48 kHz, windows of 10 s.",
    size="1.8 GB, downloaded on first use",
    licence="Apache-2.0",
    load=partial(load, "pe-a-frame"),
    repository=REPOSITORIES["pe-a-frame"],
)
