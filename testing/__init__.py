"""What tests of llmcc use, shipped so that the tests of other people's tools and passes can use it too.

Strategies for Hypothesis, simulated tools, a virtual clock and servers; nothing here is imported by the rest of llmcc.
"""
