"""The example of models that an environment of its own has: Meta's PE-AV and PE-A-Frame, in a small layout."""

import ast
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import tomllib
import torch
import transformers
from safetensors.torch import load_file, save_file

from audioprompt.models.base import ModelError
from audioprompt.models.contract import check_entry, main
from audioprompt.models.registry import ModelEntry
from tests.unit.models import tokenizers_trained
from tests.unit.models.downloading import without_network

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "pe_audio"
POINTS = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["audioprompt.models"]
NEWER = int(transformers.__version__.partition(".")[0]) >= 5

newer = [
    pytest.mark.slow,
    pytest.mark.skipif(not NEWER, reason="PE-AV needs transformers 5: make contract-newer runs this where it is"),
]
older = pytest.mark.skipif(NEWER, reason="what people read who have transformers 4")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.delitem(sys.modules, "pe_audio", raising=False)


def test_its_entry_points_are_in_the_module() -> None:
    assert sorted(POINTS) == ["pe-a-frame", "pe-av"]
    code = ast.parse((EXAMPLE / "pe_audio.py").read_text("utf-8"))
    assigned = {ast.unparse(target) for line in code.body if isinstance(line, ast.Assign) for target in line.targets}
    assert {point.removeprefix("pe_audio:") for point in POINTS.values()} <= assigned


@older
def test_without_transformers_5_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([POINTS["pe-av"]]) == 2
    said = capsys.readouterr().err
    assert "PE-AV and PE-A-Frame need transformers 5" in said and "docs/models.md" in said
    assert len(said.splitlines()) == 1


# --- with transformers 5 ----------------------------------------------------------------------------------------------


TEXT: dict[str, Any] = {
    "model_type": "modernbert",
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
    "initializer_range": 0.2,
}
AUDIO = {
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "head_dim": 12,
    "initializer_range": 0.2,
    "dac_config": {"encoder_hidden_size": 4, "hidden_size": 16, "codebook_dim": 8, "sampling_rate": 48_000},
}


def make(folder: Path, kind: str) -> Any:
    """Save a small random model as the hub has them; its text tower is read behind the second of two layers."""
    tokenizers_trained.bert(folder)
    torch.manual_seed(0)
    config = transformers.PeAudioConfig(text_config=TEXT, audio_config=AUDIO)
    net = getattr(transformers, kind)(config).eval()
    for name, values in net.state_dict().items():
        if name.endswith("norm.weight"):
            values.uniform_(0.5, 2)
        elif "dac_encoder" in name and name.endswith("weight"):
            values.mul_(10)
    net.text_audio_logit_scale.data.fill_(10)
    net.text_audio_logit_bias.data.fill_(-10)
    net.save_pretrained(folder)
    return net


def entry(name: str) -> ModelEntry:
    module, _, attribute = POINTS[name].partition(":")
    return getattr(import_module(module), attribute)


def sounds() -> torch.Tensor:
    return 0.3 * torch.randn(2, 480_000, generator=torch.Generator().manual_seed(0))


class TestWithTransformers5:
    pytestmark = newer

    @pytest.mark.parametrize(
        ("name", "kind", "absent"), [("pe-av", "PeAudioModel", 1), ("pe-a-frame", "PeAudioFrameLevelModel", 0)]
    )
    def test_it_keeps_the_contract(self, name: str, kind: str, absent: int, tmp_path: Path) -> None:
        make(tmp_path, kind)
        results = list(check_entry(entry(name), weights=tmp_path))
        assert [result.line for result in results if result.kept is False] == []
        assert [result.kept for result in results].count(None) == absent

    def test_sounds_are_those_of_transformers(self, tmp_path: Path) -> None:
        net = make(tmp_path, "PeAudioFrameLevelModel")
        model: Any = entry("pe-a-frame").load("cpu", tmp_path, None)
        with torch.no_grad():
            frames = net.get_audio_embeds(sounds()[:, None])
        assert frames.shape == (2, 250, 32) and model.frame_seconds == 0.04
        theirs = torch.nn.functional.normalize(frames, dim=-1)
        torch.testing.assert_close(model.embed_frames(sounds()), theirs, atol=1e-5, rtol=0)
        mean = torch.nn.functional.normalize(frames.mean(dim=1), dim=-1)
        torch.testing.assert_close(model.embed_audio(sounds()), mean, atol=1e-5, rtol=0)
        whole = make(tmp_path, "PeAudioModel")
        with torch.no_grad():
            theirs = torch.nn.functional.normalize(whole.get_audio_embeds(sounds()[:, None]), dim=-1)
        ours = entry("pe-av").load("cpu", tmp_path, None).embed_audio(sounds())
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)

    def test_texts_are_those_of_meta(self, tmp_path: Path) -> None:
        """Theirs is a deeper ModernBERT, read behind a layer in the middle."""
        net = make(tmp_path, "PeAudioModel")
        model = entry("pe-av").load("cpu", tmp_path, None)
        deep = transformers.ModernBertModel(transformers.ModernBertConfig(**TEXT | {"num_hidden_layers": 3})).eval()
        deep.load_state_dict(net.text_model.state_dict(), strict=False)
        tokens = model.text.tokenize(["a dog", "a violin in a hall"])
        with torch.no_grad():
            read = deep(input_ids=tokens.ids, attention_mask=tokens.mask, output_hidden_states=True).hidden_states[2]
            theirs = torch.nn.functional.normalize(net.text_audio_head(read[:, 0]), dim=-1)
        ours = model.embed_text(["a dog", "a violin in a hall"])
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
        assert ours[0] @ ours[1] < 0.999, "the comparison means something only if texts differ"

    def test_it_is_found_within_the_model_of_video(self, tmp_path: Path) -> None:
        """PE-AV's files hold all three towers: the text's is at the top, the sound's under `audio_model`."""
        make(tmp_path, "PeAudioModel")
        alone = entry("pe-av").load("cpu", tmp_path, None)
        stored = load_file(tmp_path / "model.safetensors")
        stored = {name if name.startswith("text_model.") else f"audio_model.{name}": stored[name] for name in stored}
        save_file({**stored, "video_model.video_head.proj.weight": torch.ones(1)}, tmp_path / "model.safetensors")
        parts = json.loads((tmp_path / "config.json").read_text())
        whole = {
            "model_type": "pe_audio_video",
            "text_config": parts["text_config"],
            "audio_video_config": {"model_type": "pe_audio_video_encoder", "audio_config": parts["audio_config"]},
        }
        (tmp_path / "config.json").write_text(json.dumps(whole))
        within = entry("pe-av").load("cpu", tmp_path, None)
        assert within.revision == alone.revision and within.logit_scale == 10
        del stored["audio_model.audio_head.proj.weight"]
        save_file(stored, tmp_path / "model.safetensors")
        results = {result.promise: result.reason for result in check_entry(entry("pe-av"), weights=tmp_path)}
        assert "lack 1 entries (audio_head.proj.weight)" in results["it loads"]

    def test_without_a_network_it_says_so(self) -> None:
        """huggingface_hub 1, which comes with transformers 5, raises other errors than 0 did."""
        with pytest.raises(ModelError, match="cannot be reached"):
            without_network("facebook/pe-av-small", "config.json")
