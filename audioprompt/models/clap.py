"""Microsoft's CLAP of 2022 and 2023 and the encoders of Pengi, on msclap's own modules and the published weights.

The embeddings are those of msclap's ``CLAPWrapper`` for the same window of sound and the same text. What differs:
texts are padded to the longest of their batch and cut at the model's limit, and a text with an exclamation mark is
pooled at its end (msclap takes "!" for padding and reads an earlier token); weights are read without running code
that may hide in them; a text model's own weights are not downloaded only to be overwritten.

Elizalde et al. 2023, "CLAP: Learning Audio Concepts from Natural Language Supervision" (msclap-2022); Elizalde et al.
2024, "Natural Language Supervision for General-Purpose Audio Representations" (msclap-2023); Deshmukh et al. 2023,
"Pengi: An Audio Language Model for Audio Tasks" (pengi, whose encoders PALM learns prompts for).
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model
from transformers.utils import logging as transformers_logging

from audioprompt.models.base import ModelError
from audioprompt.models.clip_text import ClipText
from audioprompt.models.compat import htsat
from audioprompt.models.compat.torchaudio_stand_in import importable_torchaudio
from audioprompt.models.downloads import Progress, hub_file, zenodo_file
from audioprompt.models.text import TextTokenizer, TextTower, at_end
from audioprompt.models.towers import TwoTowers
from audioprompt.models.weights import companion, fill, read_stored, revision

SAMPLE_RATE = 44_100
DIM = 1024


# --- text towers ------------------------------------------------------------------------------------------------------


class Gpt2Tower(TextTower):
    """GPT-2, read at the end token, which msclap appends to every text."""

    context_dim = 768

    def __init__(self, projection: nn.Module) -> None:
        super().__init__(projection)
        self.base = GPT2Model(GPT2Config())

    def tokenizer_from(self, file: Path, limit: int) -> TextTokenizer:
        end = "<|endoftext|>"
        vocabulary = self.base.config.vocab_size
        return TextTokenizer(file, limit, vocabulary, end, suffix=f" {end}", whole=["!"])  # msclap's padding

    def words(self) -> nn.Embedding:
        return self.base.wte

    def pooled(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        return at_end(self.base(inputs_embeds=embeddings, attention_mask=mask, use_cache=False).last_hidden_state, mask)


class BertTower(TextTower):
    """BERT, read at its first token."""

    context_dim = 768

    def __init__(self, projection: nn.Module) -> None:
        super().__init__(projection)
        self.base = BertModel(BertConfig())

    def tokenizer_from(self, file: Path, limit: int) -> TextTokenizer:
        return TextTokenizer(file, limit, self.base.config.vocab_size, end="[SEP]")

    def words(self) -> nn.Embedding:
        return self.base.embeddings.word_embeddings

    def pooled(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        return self.base(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state[:, 0]


class ClipTower(ClipText):
    """The text tower of CLIP ViT-B/16 with its own projection, in front of msclap's."""

    def __init__(self, projection: nn.Module) -> None:
        super().__init__(projection)
        self.clip_text_projection = nn.Linear(512, 512, bias=False)

    def pooled(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        return self.clip_text_projection(super().pooled(embeddings, mask))


# --- the three models -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checkpoint:
    """What sets one of the models apart (msclap's ``config_*.yml``, Pengi's ``base.yml``).

    Attributes:
        weights: downloads the published file.
        text_model: the hub's repository with the tokenizer.
        text_tower: its architecture.
        text_tokens: the longest text, special tokens included.
        audio_encoder: msclap's name for the architecture.
        audio_width: length of its feature vector, before the projection.
        window_seconds: length of the sound it hears at once.
        highest: frequency up to which it hears, in Hz.
        prefixes: of the entries that are used; the rest of the file is left alone. All of it if empty.
    """

    weights: Callable[[Progress | None], Path]
    text_model: str
    text_tower: type[TextTower]
    text_tokens: int
    audio_encoder: str
    audio_width: int
    window_seconds: float
    highest: int
    prefixes: tuple[str, ...] = ()


CHECKPOINTS = {
    "msclap-2023": Checkpoint(
        weights=lambda progress: hub_file("microsoft/msclap", "CLAP_weights_2023.pth", progress),
        text_model="gpt2",
        text_tower=Gpt2Tower,
        text_tokens=77,
        audio_encoder="HTSAT",
        audio_width=768,
        window_seconds=7.0,
        highest=8000,
    ),
    "msclap-2022": Checkpoint(
        weights=lambda progress: hub_file("microsoft/msclap", "CLAP_weights_2022.pth", progress),
        text_model="bert-base-uncased",
        text_tower=BertTower,
        text_tokens=100,
        audio_encoder="Cnn14",
        audio_width=2048,
        window_seconds=5.0,
        highest=14_000,
    ),
    "pengi": Checkpoint(
        weights=lambda progress: zenodo_file("8387083", "base.pth", progress),
        text_model="openai/clip-vit-base-patch16",
        text_tower=ClipTower,
        text_tokens=40,
        audio_encoder="HTSAT",
        audio_width=768,
        window_seconds=7.0,
        highest=8000,
        prefixes=("audio_encoder.", "caption_encoder."),
    ),
}
PALM_LOGIT_SCALE = 100.0  # Pengi was not trained to compare and brings no scale; PALM's experiments take this one


class Towers(nn.Module):
    """Both towers, with the names that their parts have in the published files."""

    caption_encoder: TextTower

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        clap = import_msclap()
        self.audio_encoder = clap.AudioEncoder(
            checkpoint.audio_encoder,
            d_in=checkpoint.audio_width,
            d_out=DIM,
            sample_rate=SAMPLE_RATE,
            window_size=1024,
            hop_size=320,
            mel_bins=64,
            fmin=50,
            fmax=checkpoint.highest,
            classes_num=527,
        )
        self.caption_encoder = checkpoint.text_tower(clap.Projection(checkpoint.text_tower.context_dim, DIM))
        if not checkpoint.prefixes:
            self.logit_scale = nn.Parameter(torch.zeros(()))


_importing = Lock()


def import_msclap() -> ModuleType:
    """msclap's modules, without what importing it does to others: it silences all warnings, and transformers' log.

    Raises:
        ModelError: msclap is not installed, or broken.
    """
    with _importing:
        if "msclap.models.clap" not in sys.modules:
            verbosity = transformers_logging.get_verbosity()
            try:
                with importable_torchaudio(), warnings.catch_warnings():
                    import msclap.models.clap  # noqa: F401
            except Exception as error:
                raise ModelError(f"msclap cannot be imported ({error}); install it: pip install msclap") from error
            finally:
                transformers_logging.set_verbosity(verbosity)
        return sys.modules["msclap.models.clap"]


class MsClap(TwoTowers):
    """One of the ``CHECKPOINTS`` behind the common interface; `load_msclap` makes it."""

    sample_rate = SAMPLE_RATE
    dim = DIM
    text: TextTower

    def __init__(self, name: str, towers: Towers, window_seconds: float, revision: str, device: str) -> None:
        towers = towers.eval().requires_grad_(False).to(device)
        self.name, self.revision, self.device = name, revision, device
        self.window_seconds = window_seconds
        self.logit_scale = towers.logit_scale.exp().item() if hasattr(towers, "logit_scale") else PALM_LOGIT_SCALE
        self.audio = towers.audio_encoder
        self.text = towers.caption_encoder
        from torchlibrosa.stft import LogmelFilterBank, Spectrogram  # what msclap's encoders are made with

        for part in self.audio.modules():
            if isinstance(part, (Spectrogram, LogmelFilterBank)):  # powers do not fit into half precision
                part.forward = torch.autocast(device.split(":")[0], enabled=False)(part.forward)

    def hear(self, windows: Tensor) -> Tensor:
        if hasattr(self.audio.base, "htsat"):
            return htsat.embedding(self.audio.base, windows)
        return self.audio.base(windows)["embedding"]

    def project(self, features: Tensor) -> Tensor:
        return functional.normalize(self.audio.projection(features), dim=-1)


# --- loading ----------------------------------------------------------------------------------------------------------


def load_msclap(
    name: str,
    device: str = "cpu",
    weights: Path | None = None,
    tokenizer: Path | None = None,
    progress: Progress | None = None,
) -> MsClap:
    """Load one of the ``CHECKPOINTS``, from the network where no files are given.

    Args:
        name: "msclap-2023", "msclap-2022" or "pengi".
        device: "cpu", "cuda:0", "mps".
        weights: the published file, already on this machine.
        tokenizer: the text model's ``tokenizer.json``, or the folder it is in; else the one beside the weights.
        progress: called while weights are downloaded.

    Raises:
        ModelError: the weights cannot be had, are damaged, or belong to another model.
    """
    if name not in CHECKPOINTS:
        raise ModelError(f"There is no model called {name!r}. Choose one of: {', '.join(CHECKPOINTS)}.")
    checkpoint = CHECKPOINTS[name]
    stored = read_checkpoint(weights or checkpoint.weights(progress))
    vocabulary = _tokenizer_file(checkpoint, weights, tokenizer)
    if checkpoint.prefixes:
        stored = {key: value for key, value in stored.items() if key.startswith(checkpoint.prefixes)}
    with warnings.catch_warnings():  # of old ways in msclap's code, which its user can do nothing about
        warnings.simplefilter("ignore")
        towers = Towers(checkpoint)
    towers.caption_encoder.tokenizer = towers.caption_encoder.tokenizer_from(vocabulary, checkpoint.text_tokens)
    fill(towers, stored, name)
    return MsClap(name, towers, checkpoint.window_seconds, revision(towers, vocabulary), device)


def _tokenizer_file(checkpoint: Checkpoint, weights: Path | None, tokenizer: Path | None) -> Path:
    if tokenizer is not None:
        return tokenizer / "tokenizer.json" if tokenizer.is_dir() else tokenizer
    return companion(weights, checkpoint.text_model, "tokenizer.json")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a published file by name, mapped into memory, not read yet.

    Raises:
        ModelError: there is no such file, it is damaged, or it holds anything else than tensors.
    """
    stored = read_stored(path)
    if not isinstance(stored, dict) or not isinstance(stored.get("model"), dict):
        raise ModelError(f"{path} holds no entry 'model', as CLAP's and Pengi's weights do; use the published file.")
    return {key.removeprefix("module."): tensor for key, tensor in stored["model"].items()}
