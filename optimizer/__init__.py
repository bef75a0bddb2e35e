"""From a module to a better one of the same meaning: the same answer, the same writes in the same order where order
counts.

`manager` runs pipelines of passes, `registry` lists the passes and the levels, `passes/` holds one file for each pass,
`online` runs those that only look backwards while a plan still streams in. `alias`, `dependence`, `numbering`,
`constants` and `schedule` are the analyses; `gantt` and `graph` draw a module.
"""
