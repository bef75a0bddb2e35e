"""BFCL's multi_turn cases on our runtime, judged by BFCL's own checker. Run it with `make bench-bfcl`."""
