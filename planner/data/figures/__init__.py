"""Figures and facts about things of many kinds, asked for in the words that people use for them."""
