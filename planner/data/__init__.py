"""Questions with plans, drawn from a seed: tools over simulated worlds, and the compiler as the teacher.

domains.toml -> capabilities -> renamed tools (a kit) -> shapes ask and plan -> compiled, executed, kept if right
"""
