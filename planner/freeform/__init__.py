"""Questions that people wrote, over tools that people wrote: no generator had a hand in them.

`boxes_*.py` hold the tools, simulated; `questions.toml` the questions, each with a reference plan.
"""
