"""Treff-Adapter: a clip attends to the clips it is shown (Liang et al., Interspeech 2023)."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import refuse_other_space
from audioprompt.few_shot.from_words import FromWords, members, refuse_too_many
from audioprompt.models.threads import one_thread

if TYPE_CHECKING:
    from typing_extensions import Self

SHARPNESS = (10.0, 5.0, 20.0, 40.0)  # of the attention
SHARES = (1.0, 0.3, 3.0, 10.0)  # of what the clips say, beside the words' logits
STEPS, LEARNING_RATE, HOLD = 20, 1e-3, 1.0
MAX_CLIPS = 5_000


class TreffAdapter(FromWords):
    """The method: cross-attention from a clip ``a`` to the clips ``X`` with classes ``Y``, on top of zero-shot logits.

        s a·t + share softmax(sharpness (a M) X) Y

    ``M`` begins as the identity, so that attention is by the cosine, and is then learned in a few steps, in which no
    clip attends to itself. Share and sharpness are chosen before, by the same loss.
    """

    method = "treff-adapter"
    quick = False
    shares: tuple[float, ...] = SHARES
    sharpness: tuple[float, ...] = SHARPNESS

    def settled(self) -> "Self":
        head = super().settled()
        share, sharpness = self.state["pair"].tolist()
        head.shares, head.sharpness = (share,), (sharpness,)
        return head

    def learn(self, audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        refuse_too_many(len(audio), MAX_CLIPS, self.method)
        votes = members(targets, len(self.classes))
        pair, turn = (self.shares[0], self.sharpness[0]), torch.eye(audio.shape[1])
        rows = np.flatnonzero(np.bincount(targets)[targets] > 1)  # with another clip of their class to attend to
        if len(rows):
            with one_thread():
                pair, turn = self._learn_attention(*map(torch.from_numpy, (audio, targets, votes, rows)))
        return {
            "weights": self.texts,
            "clips": audio,
            "votes": votes,
            "turn": turn.numpy(),
            "pair": np.array(pair, np.float32),
        }

    def _learn_attention(
        self, clips: Tensor, targets: Tensor, votes: Tensor, rows: Tensor
    ) -> tuple[tuple[float, float], Tensor]:
        """Choose share and sharpness, then learn the map: ``[N, D]``, ``[N]``, ``[N, C]``, ``[M]``."""
        by_text = self.logit_scale * clips @ torch.from_numpy(self.texts).T
        itself = torch.eye(len(clips), dtype=torch.bool)

        def loss(turn: Tensor, share: float, sharpness: float) -> Tensor:
            near = (sharpness * (clips @ turn) @ clips.T).masked_fill(itself, -torch.inf)
            logits = by_text + share * near.softmax(dim=1) @ votes
            return functional.cross_entropy(logits[rows], targets[rows])

        same = torch.eye(clips.shape[1])
        pairs = [(share, sharpness) for share in self.shares for sharpness in self.sharpness]
        best = min(pairs, key=lambda pair: float(loss(same, *pair)))
        turn = same.clone().requires_grad_()
        optimiser = torch.optim.Adam([turn], LEARNING_RATE)
        for _ in range(STEPS):
            optimiser.zero_grad()
            (loss(turn, *best) + HOLD * (turn - same).square().sum()).backward()
            optimiser.step()
        return best, turn.detach()

    def _logits(self, audio: Array) -> Array:
        refuse_other_space(audio, self.weights)
        share, sharpness = self.state["pair"]
        near = torch.from_numpy(sharpness * (audio @ self.state["turn"]) @ self.state["clips"].T).softmax(dim=1).numpy()
        return self.by_words(audio) + share * near @ self.state["votes"]
