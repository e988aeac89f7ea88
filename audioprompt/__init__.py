"""audioprompt: prompts for audio-language models, generated, measured, curated, learned and published.

Clips and prompts become embeddings once; everything a person sees is cheap arithmetic on them.
"""

__version__ = "0.1.0"
