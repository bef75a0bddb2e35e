"""From a module to a better one of the same meaning: same answer, same writes in the same order where order counts.

`manager` runs pipelines of passes, `registry` lists the passes and the levels, `passes/` holds one file for each
pass, `online` runs those that only look backwards while a plan still streams in. `alias`, `dependence`, `numbering`,
`constants` and `schedule` are the analyses; `gantt` and `graph` draw a module. `bounds` (with `widths` and `peak`)
says what a plan can do at most, `table` shows it, by the figures of `cost`. `remarks` collects what the passes did
and why not more; where saying that takes more than a line, it stands in `merge_remarks`, `dead_remarks` and
`order_remarks`.
"""
