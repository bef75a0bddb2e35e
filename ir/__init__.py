"""What a plan means, in the form on which everything after the front end works.

What a module of the IR is made of:

- `span`, `diagnostics`, `codes/`: places in a plan's text, and what the compiler says about them;
- `types`, `effects`, `signature`: what is known of values and of tools;
- `expr`, `ops`: pure expressions, and the operations of a plan.

What it says:

- `values`, `builtins`, `evaluate`: the values of expressions;
- `frame`, `interpret`: the meaning of a module; `errors`: what can go wrong.

How it is written and checked:

- `printer`, `parser`: a module as text (grammar: `ir.lark`) or JSON, and back; `escape`: texts, safe to show;
- `verify`: the invariants of a module, with `check_expr` for those of expressions;
- `render`: diagnostics as text with carets, or as JSON.
"""
