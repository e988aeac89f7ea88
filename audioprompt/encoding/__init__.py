"""The only way from sounds and texts to embeddings: memory, then disk, then the model."""
