"""Prompts: templates, the packs they are kept in, and the store of packs."""
