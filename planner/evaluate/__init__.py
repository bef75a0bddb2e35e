"""Measures how well a model plans: by executing its plans, not by comparing texts."""
