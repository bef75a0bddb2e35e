"""Agents as others build them, over the models and tools of llmcc: to compare with, and not part of the package."""
