"""Speaks with services that offer the chat API: addresses, requests, and answers in their many manners."""
