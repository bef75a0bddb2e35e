"""Toolboxes that were written by hand, with the ways in which people ask for what they do."""
