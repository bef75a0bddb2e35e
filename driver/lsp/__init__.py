"""The language server: what an editor shows about a plan while it is being written.

`text` counts places as editors do; `analysis` is what the front end says of a text; `cursor` finds out where in a line
the cursor is, `meaning` what stands there. `complete`, `hover`, `call_help` and `edits` answer an editor's questions.
`toolboxes` finds the tools. All these know nothing of the protocol; `convert` and `server` do, over pygls.
"""
