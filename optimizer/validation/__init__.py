"""What `optimizer/validate.py` is made of: value graphs of two modules in one table, and what both must agree on.

None of it uses what the passes use: it has its own idea of equal expressions, of known values and of resources.
"""
