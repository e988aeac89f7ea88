"""The arithmetic: pure functions on arrays of embeddings, with shapes in every docstring. Nothing here reads a file."""
