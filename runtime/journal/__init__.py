"""Journal and resume: what a run did, in a SQLite file, so that another process can go on where this one was killed.

- `records`: what is written down; `secrets`: what is not
- `chain`: checksums over the records; `runfile`: the lock of a run, and the place of its last record
- `storage`: the SQLite file; `writer`: commits what is put into it, many records at once
- `history`: what the records of a run come to: calls that ended, calls in doubt
- `book`: the ledger of a run, which the executor asks; `session`: begins runs, goes on with them, lists them

A call is written down in this order: intent, effect, outcome. The intent of a write is durable before the effect
begins. The records of a run are one sequence, so that then everything that the write depends on is durable too.
"""
