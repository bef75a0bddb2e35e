"""Runs plans: tools and toolboxes, the scheduler as a state machine, the executor on trio, and models.

- `tools`, `toolbox`, `load`, `toolfile`: what can be called, from Python and from JSON (`hints`, `schema`,
  `docstrings`, `durations`, `inputs` serve them); nothing of it imports an event loop
- `events`, `state`: what the scheduler is told and asks for, and the scheduler itself, without clock or I/O (`calls`,
  `progress` are parts of it, `nodes` and `ready` hold what it knows, `invariants` checks it)
- `executor`, `invoke`, `timeouts`, `threads`: do what the scheduler says, on trio (`limits`, `outcome`, `faults` serve)
- `ledger`, `journal`: what calls did, remembered beyond the end of the process
- `models`: the language models that plan and join
"""
