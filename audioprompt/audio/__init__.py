"""Any recording as mono float32, the windows that a model hears, and their picture."""
