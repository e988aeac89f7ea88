"""Pack the sentence encoder all-MiniLM-L6-v2 into ``assets/embedded``: int8 rows with one scale each, 23 MB.

python -m tools.embedded.export_text FOLDER_OF_all-MiniLM-L6-v2 assets/embedded
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

KEPT_SETTINGS = [
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "layer_norm_eps", "max_position_embeddings", "type_vocab_size", "vocab_size", "pad_token_id",
]  # fmt: skip


def packed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Matrices as int8 with a float16 scale per row, the rest as float16."""
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        if tensor.ndim == 2:
            scale = (tensor.abs().amax(dim=1) / 127).clamp(min=1e-8).half()
            stored[name] = (tensor / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
            stored[f"{name}.scale"] = scale
        else:
            stored[name] = tensor.half()
    return stored


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    weights = {
        name: tensor
        for name, tensor in load_file(source / "model.safetensors").items()
        if not name.startswith("pooler") and not name.endswith("position_ids")
    }
    target.mkdir(parents=True, exist_ok=True)
    save_file(packed(weights), target / "text.safetensors")
    config = json.loads((source / "config.json").read_text())
    kept = {name: config[name] for name in KEPT_SETTINGS}
    (target / "text_config.json").write_text(json.dumps(kept, indent=2) + "\n")
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    tokenizer["truncation"] = tokenizer["padding"] = None  # the model sets its own
    (target / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
