"""Text to typed ops, statement by statement, in the order in which the modules are passed through.

- `reader` cuts chunks into lines; `parse` makes statements of them (`syntax` is the tree), or says what is wrong.
- `front` drives the rest for each statement as it comes: `FrontEnd` for a stream, `compile_front` for a whole text.
- `lower` makes ops of a statement: `lower_expr`, `lower_call` (with `arguments`), `lower_builtin`, `lower_map`,
  `interpolate`. `context` is what they share; `scope` and `names` know the values, `infer` and `fit` the types,
  `facts` what conditions have proven.
- `suggest` finds the word that was meant; `quote` makes text fit for messages.
- `format` writes statements as canonical text; `derive` and `constrain` make grammars for decoders of names and types.
"""
