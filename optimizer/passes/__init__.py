"""The passes, one file each: a frozen object whose fields are the pass's options and whose call maps a module to a
module.
"""
