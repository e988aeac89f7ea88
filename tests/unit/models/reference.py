"""msclap as its users run it, for the tests to compare with; runs in a process of its own, see ``conftest.worker``.

Weights are random, but the architecture and the file format are the true ones: the checkpoint is what msclap's own
model stores, plus the buffers that transformers stored when the published files were made.
"""

import importlib
import os
import random
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, CLIPConfig, GPT2Config, PretrainedConfig

from audioprompt.models.clap import CHECKPOINTS, load_msclap
from audioprompt.models.compat.torchaudio_stand_in import importable_torchaudio

TEXT_MODELS = {
    "gpt2": GPT2Config(),
    "bert-base-uncased": BertConfig(),
    "openai/clip-vit-base-patch16": CLIPConfig(
        text_config={"hidden_size": 512, "intermediate_size": 2048, "eos_token_id": 2},  # 2: as published, not as meant
        vision_config={"num_hidden_layers": 1},  # not looked at
    ),
}


def publish_text_model(folder: Path, config: PretrainedConfig) -> None:
    """What transformers wants of a hub repository. The weights lack everything, so that it makes random ones."""
    config.save_pretrained(folder)
    save_file({"none": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})


def msclap_module() -> ModuleType:
    """msclap, given a torchaudio that reads files."""
    if "msclap" not in sys.modules:
        with importable_torchaudio():
            importlib.import_module("msclap.CLAPWrapper")
    module = sys.modules["msclap.CLAPWrapper"]
    module.torchaudio.load = load_file
    return module


def load_file(path: str) -> tuple[Tensor, int]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T.copy()), rate


def randomised(model: Any, clips: list[Path]) -> nn.Module:
    """Weights large enough that texts differ, and batch norms that have heard the clips, so that those differ."""
    torch.manual_seed(0)
    for name, values in model.state_dict().items():
        if name.endswith("weight") and values.ndim == 2 and ("projection" in name or "caption_encoder" in name):
            values.mul_(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all that it hears
    with torch.no_grad():
        model.audio_encoder.base.train()(heard(clips))
    return model.eval()


def heard(clips: list[Path]) -> Tensor:
    """Mono clips of equal length: ``[B, samples]``."""
    return torch.cat([load_file(str(clip))[0] for clip in clips])


def stored_long_ago(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add the buffers that transformers stored until 2023."""
    layers = {key.split("attn")[0] for key in state if ".base.h." in key and ".attn." in key}
    old = {f"{layer}attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool) for layer in layers}
    old |= {f"{layer}attn.masked_bias": torch.tensor(-1e4) for layer in layers}
    if not layers:
        old["caption_encoder.base.embeddings.position_ids"] = torch.arange(512)[None]
    return {**state, **old}


def rows(tensor: Tensor) -> np.ndarray:
    return functional.normalize(tensor, dim=-1).numpy()


def wrapper(version: str, checkpoint: Path, clips: list[Path]) -> Any:
    """Makes the checkpoint, and a CLAPWrapper with its weights."""
    clap = msclap_module()
    torch.save({"model": {}}, checkpoint)  # its loader is not strict: random weights stay
    made = clap.CLAPWrapper(model_fp=checkpoint, version=version)
    torch.save({"model": stored_long_ago(randomised(made.clap, clips).state_dict())}, checkpoint)
    made.clap.load_state_dict(torch.load(checkpoint)["model"], strict=False)  # as its loader does
    return made


def embeddings(version: str, checkpoint: Path, texts: list[str], clips: list[Path]) -> dict[str, Any]:
    """What msclap makes of texts and of clips that are exactly one window long, and its ways that we leave behind."""
    made = wrapper(version, checkpoint, clips)
    found: dict[str, Any] = {
        "texts": rows(made.get_text_embeddings(texts)),
        "clips": rows(made.get_audio_embeddings(clips)),
        "logit_scale": made.clap.logit_scale.exp().item(),
        "padded_to": made.preprocess_text(["dog"])["input_ids"].shape[1],
    }
    try:
        made.get_text_embeddings(["dog", "dog " * 120])
    except RuntimeError as error:
        found["long_text"] = str(error)
    if version == "2023":
        found |= with_exclamation_mark(made)
    return found


EXCLAMATION = "watch out! a dog"


def with_exclamation_mark(made: Any) -> dict[str, Any]:
    """A text with "!": what msclap makes of it, and its model's view of the same tokens at each position."""
    tokens = made.preprocess_text([EXCLAMATION])
    with torch.no_grad():
        hidden = made.clap.caption_encoder.base(**tokens)[0][0]
        each = made.clap.caption_encoder.projection(hidden)
    return {
        "exclamation": rows(made.get_text_embeddings([EXCLAMATION]))[0],
        "each_position": rows(each),
        "end": tokens["attention_mask"].sum().item() - 1,
    }


def loaded_audio(seconds: int, path: Path, seed: int) -> np.ndarray:
    """The samples that msclap takes of a file for a window of so many seconds."""
    clap = msclap_module()
    bare = clap.CLAPWrapper.__new__(clap.CLAPWrapper)  # reading files needs no weights
    bare.args = bare.read_config_as_args("sampling_rate: 44100", is_config_str=True)
    random.seed(seed)
    return bare.load_audio_into_tensor(path, seconds, resample=True).numpy()


class Mischief:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def publish_mischief(checkpoint: Path, trace: Path) -> None:
    torch.save({"model": {"weight": torch.zeros(1), "mischief": Mischief(trace)}}, checkpoint)


def load_mischief(checkpoint: Path, ours: bool) -> str:
    """The error that loading a file with code in it ends in, where torch trusts files, as up to 2.5 it always did."""
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        if ours:
            load_msclap("msclap-2022", weights=checkpoint, tokenizer=checkpoint)
        else:
            clap = msclap_module()
            with patch.object(clap, "CLAP", lambda **_: nn.Module()):  # random weights take seconds
                clap.CLAPWrapper(model_fp=checkpoint, version="2022")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        del os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]
    return ""


def silenced() -> bool:
    """Whether importing msclap silences all warnings of the process."""
    msclap_module()
    return ("ignore", None, Warning, None, 0) in warnings.filters


def pengi_embeddings(checkpoint: Path, texts: list[str], clips: list[Path]) -> dict[str, Any]:
    """Pengi's encoders, built from msclap's parts by the settings of Pengi's own repository."""
    clap = msclap_module()
    config = CHECKPOINTS["pengi"]
    model = clap.CLAP(
        audioenc_name="HTSAT",
        sample_rate=44_100,
        window_size=1024,
        hop_size=320,
        mel_bins=64,
        fmin=50,
        fmax=8000,
        classes_num=527,
        out_emb=768,
        text_model=config.text_model,
        transformer_embed_dim=512,
        d_proj=1024,
    )
    state = stored_long_ago(randomised(model, clips).state_dict())
    del state["logit_scale"]
    state["caption_decoder.gpt.transformer.wte.weight"] = torch.zeros(2, 2)  # and all the rest of its decoder
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, checkpoint)
    tokenizer = clap.AutoTokenizer.from_pretrained(config.text_model)
    tokens = tokenizer(texts, max_length=40, padding="max_length", return_tensors="pt")
    with torch.no_grad():
        return {
            "texts": rows(model.caption_encoder(tokens)),
            "clips": rows(model.audio_encoder(heard(clips))[0]),
        }


def load_from_hub(name: str, texts: list[str]) -> dict[str, Any]:
    """Our model with nothing given: everything it needs comes from the hub."""
    reports: list[tuple[int, int]] = []
    model = load_msclap(name, progress=lambda *report: reports.append(report))
    return {"texts": model.embed_text(texts).numpy(), "revision": model.revision, "reports": reports}
