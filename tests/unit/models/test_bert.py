"""The bundled model's BERT against that of the transformers library, on random weights."""

import pytest
import torch
from transformers import BertConfig, BertModel

from audioprompt.models.bert import Bert

CONFIG = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "vocab_size": 50,
    "initializer_range": 0.5,
}


@pytest.fixture
def pair() -> tuple[Bert, BertModel]:
    torch.manual_seed(0)
    theirs = BertModel(BertConfig(**CONFIG), add_pooling_layer=False).eval()
    ours = Bert(CONFIG).eval()
    ours.read(theirs.state_dict())
    return ours, theirs


def test_it_encodes_as_transformers_does(pair: tuple[Bert, BertModel]) -> None:
    ours, theirs = pair
    ids = torch.randint(0, 50, (5, 9))
    mask = (torch.arange(9) < torch.tensor([9, 7, 4, 2, 1])[:, None]).long()
    with torch.no_grad():
        found, expected = ours(ours.words(ids), mask), theirs(ids, mask).last_hidden_state
    torch.testing.assert_close(found[mask == 1], expected[mask == 1], atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.3


def test_gradients_reach_the_token_embeddings_as_they_do_there(pair: tuple[Bert, BertModel]) -> None:
    """CoOp learns by them."""
    mask = torch.ones(2, 6, dtype=torch.long)
    gradients = []
    for model in pair:
        torch.manual_seed(1)
        embeddings = torch.randn(2, 6, 24, requires_grad=True)
        made = model(embeddings, mask) if isinstance(model, Bert) else model(None, mask, inputs_embeds=embeddings)[0]
        made.square().mean(dim=1)[:, :5].sum().backward()
        gradients.append(embeddings.grad)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)


def test_weights_of_another_model_are_refused(pair: tuple[Bert, BertModel]) -> None:
    ours, theirs = pair
    weights = theirs.state_dict()
    with pytest.raises(RuntimeError):
        Bert(CONFIG | {"vocab_size": 51}).read(weights)
    del weights["encoder.layer.1.output.dense.bias"]
    with pytest.raises(KeyError):
        ours.read(weights)
