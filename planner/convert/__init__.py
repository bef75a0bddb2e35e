"""Writes a trained adapter as a GGUF file, which llama.cpp loads beside the base."""
