"""The bundled model: small, quick on a CPU, always at hand.

The audio tower is a MobileNet on a log-mel picture. It scores the 527 sounds of AudioSet's ontology; a window's
embedding adds up the *directions* of the sounds that stand out of their usual scores, where a direction is what a
sound's name is in the text tower's space, without what its neighbours share. The text tower is a sentence encoder in
many languages (multilingual-e5-small, most of its vocabulary left out). So sound meets text in the sentence encoder's
own space, and any wording of a prompt can be compared with a sound. Further dimensions hold what sets sounds apart but
has no name, for those who learn from a few clips; texts are zero there, so that prompts do not feel them.
``assets/embedded/MODEL_CARD.md`` says how it was trained and what it can do; ``tools/embedded/`` trains it again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.base import ModelError, Tokens
from audioprompt.models.bert import Bert
from audioprompt.models.mobilenet import FEATURES, REACH, MobileNet, as_channels
from audioprompt.models.text import TextTokenizer
from audioprompt.models.threads import one_thread
from audioprompt.models.towers import TwoTowers
from audioprompt.models.traced import TracedOnceBusy
from audioprompt.settings import asset_folder

SAMPLE_RATE = 32_000
WINDOW_SECONDS = 5.0
LOGIT_SCALE = 37.0  # for which named loops of the training pool get the likeliest probabilities

BANDS = 128  # of the log-mel picture, evenly spaced in mel up to HIGHEST
FRAME, HOP, FFT = 800, 320, 1024  # samples
HIGHEST = 15_000.0  # Hz
EMPHASIS = 0.97  # share of a sample that is taken off the next: what is high counts more
FLOOR = 1e-5  # added to every power before the logarithm
SOUNDS = 527  # classes the audio tower scores
HEARD = 1.0  # deviations above a sound's usual score from which on it speaks for a window
TEXT_DIM = 384  # of the text tower
DETAIL = 128  # dimensions for what sets sounds apart but has no name; texts are zero there
DETAIL_WEIGHT = 2.0  # length of that part beside a named part of length one
STEPS_PER_FRAME = 5  # of the net, over which a frame's embedding is the mean: the best on mixtures of `village`
TEXT_TOKENS = 128  # longest text, in tokens

# in assets/embedded: the sentence encoder, its map into the shared space with the sounds' directions, the audio tower
FILES = ["text_config.json", "tokenizer.json", "text.safetensors", "space.safetensors", "audio.safetensors"]
NAMES = "names.safetensors"  # what they make of the names that labels are held against, which every first answer needs
WORDS = "embeddings.word_embeddings.weight"


# --- audio tower ------------------------------------------------------------------------------------------------------


def mel_filters() -> Tensor:
    """Triangular filters evenly spaced in mel (HTK's formula), ``[FFT / 2 + 1, BANDS]``."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    bins = mel(torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64))
    highest = mel(torch.tensor(HIGHEST, dtype=torch.float64)).item()
    edges = torch.linspace(0, highest, BANDS + 2, dtype=torch.float64)
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    filters[0] = 0  # no constant offset
    return filters.float()


class LogMel(nn.Module):
    """The picture the net sees: ``[B, samples]`` at 32 kHz -> ``[B, frames, BANDS]``, logarithm of powers."""

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", mel_filters(), persistent=False)
        self.register_buffer("window", torch.hann_window(FRAME, periodic=False), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        with torch.autocast(waves.device.type, enabled=False):  # powers do not fit into half precision
            sharper = waves[:, 1:] - EMPHASIS * waves[:, :-1]
            padded = functional.pad(sharper[:, None], (FRAME // 2, FRAME // 2), mode="reflect")[:, 0]
            spectrum = torch.fft.rfft(padded.unfold(-1, FRAME, HOP) * self.window, FFT)
            powers = spectrum.real.square() + spectrum.imag.square()
            return ((powers @ self.filters + FLOOR).log() + 4.5) / 5


class AudioTower(nn.Module):
    """Windows of sound -> how strongly each of the 527 sounds is heard -> an embedding."""

    directions: Tensor
    usual: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.picture = LogMel()
        self.net = MobileNet()
        self.judge = nn.Sequential(nn.Linear(FEATURES, 512), nn.Hardswish(), nn.Linear(512, SOUNDS))
        self.detail = nn.Linear(FEATURES, DETAIL)  # principal components of the features
        self.register_buffer("usual", torch.zeros(SOUNDS))  # each sound's mean score over the training pool
        self.register_buffer("spread", torch.ones(SOUNDS))  # and its standard deviation
        self.register_buffer("directions", torch.zeros(SOUNDS, TEXT_DIM), persistent=False)

    def look(self, windows: Tensor) -> Tensor:
        """Say what is heard over time: ``[B, samples]`` -> ``[B, steps of 0.32 s, FEATURES]``."""
        return self.net(as_channels(self.picture(windows))).mean(dim=2).transpose(1, 2)

    def heard(self, logits: Tensor) -> Tensor:
        """Say how far each sound stands out of its usual scores, ``[B, SOUNDS]``."""
        return ((logits - self.usual) / self.spread - HEARD).relu()

    def project(self, seen: Tensor) -> Tensor:
        """Bring what is heard over time, ``[B, steps, FEATURES]``, into the shared space; -> ``[B, dim]``."""
        seen = seen.mean(dim=1)
        named = functional.normalize(self.heard(self.judge(seen)) @ self.directions, dim=-1)
        detail = functional.normalize(self.detail(seen), dim=-1)
        return functional.normalize(torch.cat([named, DETAIL_WEIGHT * detail], dim=-1), dim=-1)

    def project_steps(self, seen: Tensor) -> Tensor:
        """Bring each step, with those around it, into the shared space: ``[B, steps, F]`` -> ``[B, steps, dim]``."""
        alone = self.project(seen.flatten(0, 1)[:, None]).unflatten(0, seen.shape[:2])
        means = functional.avg_pool1d(
            alone.transpose(1, 2), STEPS_PER_FRAME, 1, STEPS_PER_FRAME // 2, count_include_pad=False
        )
        return functional.normalize(means.transpose(1, 2), dim=-1)

    def forward(self, windows: Tensor) -> Tensor:
        """``[B, samples]`` -> ``[B, dim]``, L2-normalised."""
        return self.project(self.look(windows))


# --- text tower -------------------------------------------------------------------------------------------------------


class TextTower(nn.Module):
    """multilingual-e5-small, and a fixed affine map of its sentence embeddings into the space of both towers."""

    middle: Tensor
    whitening: Tensor

    def __init__(self, config: dict[str, Any], tokenizer_file: Path, words: nn.Module) -> None:
        super().__init__()
        self.bert = Bert(config, words)
        self.context_dim = self.bert.dim
        self.register_buffer("middle", torch.zeros(self.context_dim))
        self.register_buffer("whitening", torch.eye(self.context_dim))
        self.tokenizer = TextTokenizer(tokenizer_file, TEXT_TOKENS, config["vocab_size"], end="</s>")

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        return self.tokenizer(texts, self.middle.device)

    def token_embeddings(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.bert.words(ids)
        return embedded

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        shared = functional.normalize((self.sentence(embeddings, mask) - self.middle) @ self.whitening, dim=-1)
        return functional.pad(shared, (0, DETAIL))

    def sentence(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """Return the encoder's own embedding: its last layer's mean over the tokens, ``[T, 384]``, L2-normalised."""
        tokens = self.bert(embeddings, mask)
        weight = mask[..., None].to(tokens.dtype)
        return functional.normalize((tokens * weight).sum(dim=1) / weight.sum(dim=1), dim=-1)


def read_text_tower(folder: Path) -> TextTower:
    """Return the text tower without its map into the shared space, from the first three ``FILES`` in a folder."""
    stored = load_file(folder / FILES[2])
    words = PackedWords(stored.pop(WORDS), stored.pop(f"{WORDS}.scale"))
    tower = TextTower(json.loads((folder / FILES[0]).read_text()), folder / FILES[1], words)
    tower.bert.read(Unpacked(stored))
    return tower


class PackedWords(nn.Module):
    """Embeddings of words, four bits a value, as `unpack_blocks` takes them; unpacked are only those looked up.

    In float32 the table would be four fifths as large again as all the rest of the tower.
    """

    pairs: Tensor
    scales: Tensor

    def __init__(self, pairs: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.register_buffer("pairs", pairs, persistent=False)
        self.register_buffer("scales", scales, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Look up: ``[...]`` -> ``[..., D]``."""
        rows = ids.flatten()
        return unpack_blocks(self.pairs[rows], self.scales[rows]).unflatten(0, ids.shape)


class Unpacked(Mapping[str, Tensor]):
    """What ``tools/embedded`` packed: float16, or four bits a value in blocks, become float32 when they are looked up.

    Args:
        stored: tensors by name; those of four bits have their scales beside them.
    """

    def __init__(self, stored: Mapping[str, Tensor]) -> None:
        self._stored = stored

    def __getitem__(self, name: str) -> Tensor:
        tensor, scales = self._stored[name], self._stored.get(f"{name}.scale")
        return tensor.float() if scales is None else unpack_blocks(tensor, scales)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._stored if not name.endswith(".scale"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def unpack_blocks(pairs: Tensor, scales: Tensor) -> Tensor:
    """Values of four bits: ``[rows, columns / 2]`` bytes and ``[rows, columns / 32]`` scales -> ``[rows, columns]``.

    Each block of 16 bytes holds 32 values: those of the bytes' low halves, then those of the high ones.
    """
    blocks = pairs.unflatten(1, (-1, 16))
    values = torch.cat([blocks & 15, blocks >> 4], dim=-1).float() - 8
    return (values * scales.float()[..., None]).flatten(1)


def read_names(folder: Path, revision: str, device: str) -> dict[str, Tensor]:
    """Return the texts in ``NAMES`` with their embeddings, ``[dim]``; none of another revision's."""
    if not (folder / NAMES).is_file():
        return {}
    with safe_open(folder / NAMES, "pt") as file:
        about, embedded = file.metadata(), functional.pad(file.get_tensor("names"), (0, DETAIL)).to(device)
    return dict(zip(json.loads(about["texts"]), embedded, strict=True)) if about["revision"] == revision else {}


# --- the model --------------------------------------------------------------------------------------------------------


class EmbeddedModel(TwoTowers):
    """The bundled model behind the common interface.

    Raises:
        ModelError: its files are missing or broken; what it reads with, when it first reads.
    """

    name = "embedded"
    sample_rate = SAMPLE_RATE
    window_seconds = WINDOW_SECONDS
    dim = TEXT_DIM + DETAIL
    logit_scale = LOGIT_SCALE
    frame_seconds = REACH * HOP / SAMPLE_RATE
    batch_invariant = True

    def __init__(self, device: str = "cpu", folder: Path | None = None) -> None:
        folder = folder or asset_folder("embedded")
        self.device, self._folder = device, folder
        with _told_if_broken(folder):
            space = load_file(folder / FILES[3])
            audio = AudioTower()
            audio.directions = space["directions"].float()
            audio.load_state_dict(Unpacked(load_file(folder / FILES[4])))
            digest = hashlib.sha256()
            for file in FILES:
                digest.update((folder / file).read_bytes())
            self.revision = digest.hexdigest()[:12]
            self._names = read_names(folder, self.revision, device)
        self.audio = self._own = audio.eval().requires_grad_(False).to(device)
        self._look = TracedOnceBusy(lambda windows: audio.look(windows))  # torch traces no method of a module

    @cached_property
    def text(self) -> TextTower:  # type: ignore[override]
        """The text tower, read once it is needed: those who only hear, or whose texts are all known, do without."""
        with torch.inference_mode(mode=False):  # whoever needs it first: methods learn through it
            with _told_if_broken(self._folder):
                text, space = read_text_tower(self._folder), load_file(self._folder / FILES[3])
                text.middle, text.whitening = space["middle"], space["whitening"]
            return text.eval().requires_grad_(False).to(self.device)

    def forget_text(self) -> None:
        """Give back the text tower, most of the model's memory; it is read again once it is needed."""
        self.__dict__.pop("text", None)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        unread = [text for text in dict.fromkeys(texts) if text not in self._names]
        read = dict(zip(unread, super().embed_text(unread), strict=True)) if unread else {}
        return torch.stack([self._names[text] if text in self._names else read[text] for text in texts])

    @torch.inference_mode()
    def embed_audio(self, windows: Tensor) -> Tensor:
        # On a CPU one by one, for in one product the last digits of each would depend on how many others there are.
        together = 1 if self.device == "cpu" else len(windows)
        return torch.cat([self.project_audio(heard) for heard in self.audio_features(windows).split(together)])

    def hear(self, windows: Tensor) -> Tensor:
        look = self._look if self.audio is self._own else self.audio.look  # another tower was put in place of its own
        with one_thread():
            return look(windows).flatten(1)  # what the net sees in each step, one after the other

    def project(self, features: Tensor) -> Tensor:
        return self.audio.project(features.unflatten(1, (-1, FEATURES)))

    def embed_frames(self, windows: Tensor) -> Tensor:
        return self.project_frames(self.audio_features(windows))

    @torch.inference_mode()
    def project_frames(self, features: Tensor) -> Tensor:
        return self.audio.project_steps(features.to(self.device).unflatten(1, (-1, FEATURES)))


@contextmanager
def _told_if_broken(folder: Path) -> Iterator[None]:
    """Tell in a sentence that a file is missing or broken."""
    try:
        yield
    except Exception as error:
        raise ModelError(
            f"The bundled model in {folder.name}/ cannot be loaded ({error}); install audioprompt again."
        ) from error
