"""LAION's CLAP, and every other checkpoint of transformers' ``ClapModel``, from the hub or a folder.

The embeddings are those of transformers for the same window of sound and the same text. The log-mel picture is
computed here, in double precision as transformers does, but in torch, many windows at a time; and windows being
exactly as long as the model hears, nothing is cropped or marked as "longer" at random.

Wu et al. 2023, "Large-scale Contrastive Language-Audio Pretraining with Feature Fusion and Keyword-to-Caption
Augmentation".
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel
from transformers.utils import logging as transformers_logging

from audioprompt.models.base import ModelError
from audioprompt.models.downloads import Progress, first_hub_file, hub_file
from audioprompt.models.text import TextTokenizer, WordTable
from audioprompt.models.towers import TwoTowers
from audioprompt.models.weights import revision
from audioprompt.util.places import is_file

CHECKPOINTS = {
    "laion-clap": "laion/clap-htsat-unfused",
    "laion-clap-general": "laion/larger_clap_general",
}
FILES = ("config.json", "preprocessor_config.json", "tokenizer.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first of them that there is


class LogMel(nn.Module):
    """The picture that the audio tower looks at, as transformers' ``ClapFeatureExtractor`` draws it."""

    window: Tensor
    filters: Tensor

    def __init__(self, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.size, self.hop = extractor.fft_window_size, extractor.hop_length
        fusion = extractor.truncation == "fusion"
        self.copies = 4 if fusion else 1  # a long clip's whole and three crops of it, all the same for a single window
        filters = extractor.mel_filters if fusion else extractor.mel_filters_slaney
        self.register_buffer("window", torch.hann_window(self.size, dtype=torch.float64))
        self.register_buffer("filters", torch.from_numpy(filters).double())  # [size / 2 + 1, bands]

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, copies, frames, bands]``, in decibels."""
        spectrum = torch.stft(windows.double(), self.size, self.hop, window=self.window, return_complex=True)
        power = spectrum.abs().square().transpose(1, 2) @ self.filters
        decibels = 10 * power.clamp(min=1e-10).log10().float()
        return decibels[:, None].expand(-1, self.copies, -1, -1)


class LaionText(WordTable):
    """RoBERTa, pooled and projected into the shared space."""

    def __init__(self, clap: ClapModel, tokenizer: TextTokenizer) -> None:
        super().__init__(clap.text_model.embeddings.word_embeddings, tokenizer)
        self.clap = clap

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        pooled = self.clap.text_model(inputs_embeds=embeddings, attention_mask=mask).pooler_output
        return functional.normalize(self.clap.text_projection(pooled), dim=-1)


class LaionClap(TwoTowers):
    """A ``ClapModel`` behind the common interface; `load_laion` makes it."""

    def __init__(
        self,
        name: str,
        clap: ClapModel,
        extractor: ClapFeatureExtractor,
        tokenizer: TextTokenizer,
        revision: str,
        device: str,
    ) -> None:
        self.name, self.revision, self.device = name, revision, device
        self.sample_rate: int = extractor.sampling_rate
        self.window_seconds = float(extractor.max_length_s)
        self.clap = clap.eval().requires_grad_(False).to(device)
        self.dim: int = clap.config.projection_dim
        self.logit_scale: float = clap.logit_scale_a.exp().item()
        self.log_mel = LogMel(extractor).eval()
        if device != "mps":  # which has no double precision
            self.log_mel.to(device)
        self.text = LaionText(self.clap, tokenizer)

    def hear(self, windows: Tensor) -> Tensor:
        pictures = self.log_mel(windows.to(self.log_mel.window.device)).to(self.device)
        longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=self.device)
        return self.clap.audio_model(input_features=pictures, is_longer=longer).pooler_output

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self.clap.audio_projection(features), dim=-1)


def load_laion(
    name: str = "laion-clap", device: str = "cpu", weights: Path | None = None, progress: Progress | None = None
) -> LaionClap:
    """Load a ``ClapModel``.

    Args:
        name: one of ``CHECKPOINTS``, or the hub's name of any other repository with a ``ClapModel``.
        device: "cpu", "cuda:0", "mps".
        weights: a folder with the repository's files, already on this machine.
        progress: called while weights are downloaded.

    Raises:
        ModelError: the files cannot be had, are damaged, or belong to another kind of model.
    """
    folder = weights or _download(CHECKPOINTS.get(name, name), progress)
    if is_file(folder):
        raise ModelError(f"{folder} is a file; give the folder that holds it and {', '.join(FILES)}.")
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # what it has to say about weights is an error here
    try:
        if (kind := json.loads((folder / FILES[0]).read_text()).get("model_type")) != "clap":
            raise ModelError(f"{name} is a model of type {kind!r}, not 'clap'; choose one of type 'clap'.")
        config = ClapConfig.from_pretrained(folder)
        extractor = ClapFeatureExtractor.from_pretrained(folder)
        clap, report = ClapModel.from_pretrained(
            folder, config=config, dtype=torch.float32, output_loading_info=True, local_files_only=True
        )
    except ModelError:
        raise
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{name} cannot be loaded from {folder} ({why}); get its files again.") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    if wrong := [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]:
        raise ModelError(f"The weights of {name} lack {len(wrong)} entries ({', '.join(wrong[:3])}); get them again.")
    text = config.text_config
    tokenizer = TextTokenizer(
        folder / "tokenizer.json",
        limit=text.max_position_embeddings - text.pad_token_id - 1,  # positions are counted from behind the padding's
        vocabulary=text.vocab_size,
        end="</s>",
    )
    return LaionClap(name, clap, extractor, tokenizer, revision(clap, folder / "tokenizer.json"), device)


def _download(repo: str, progress: Progress | None) -> Path:
    """Fetch what is needed of a repository; returns the folder of the hub's cache that holds it."""
    folder = first_hub_file(repo, WEIGHTS, progress).parent
    for name in FILES:
        hub_file(repo, name)
    return folder
