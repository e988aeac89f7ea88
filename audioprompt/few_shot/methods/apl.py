"""Audio Prompt Learner: a learned context for the task, and domain tokens for how a recording sounds.

    [start] [domain + shift(clip)] x 4 [context] x 16 [class name] [end]

Chen et al. 2024 ("Multiple Consistency-guided Test-Time Adaptation for Contrastive Audio-Language Models with
Unlabeled Audio", arXiv 2412.17306) learn context tokens and domain tokens, conditioned on the audio, and Deshmukh et
al. 2024 ("Domain Adaptation for Contrastive Audio-Language Models", arXiv 2402.09585) a domain vector; both at test
time and without labels. Only their abstracts and summaries were read for this file, and none calls the method by this
name. What is ours, therefore:

- it is fitted to labelled clips by cross-entropy, as the other few-shot methods are, so that it can stand beside them;
- there are four domain tokens, in front of the context, which is CoOp's;
- the net of CoCoOp shifts the domain tokens alone: without it they would be nothing but a longer context, and a
  context that keeps still says what all recordings share;
- both begin as CoOp's context does.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.methods.cocoop import Cocoop
from audioprompt.few_shot.methods.palm import CONTEXT_STD

DOMAIN_TOKENS = 4


class AudioPromptLearner(Cocoop):
    """The method: each clip meets prompts of its own, which differ in their domain tokens."""

    method = "apl"

    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        shape = DOMAIN_TOKENS, self.prompts.text.context_dim
        return {**super().initial(rng, dim), "domain": rng.normal(0, CONTEXT_STD, shape).astype(np.float32)}

    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        domain = values["domain"] + self.shifts(values, audio)
        context = values["context"].expand(len(audio), -1, -1)
        return self.prompts.encode(torch.cat([domain, context], dim=1))
