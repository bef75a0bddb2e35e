"""Trains a low-rank adapter for the bundled model, on one processor core or on a GPU."""
