"""Small tools that know nothing of sound or prompts."""
