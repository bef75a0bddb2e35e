"""`python -m llmcc`: the same as the command `llmcc`."""

from llmcc.driver.cli import main

main()
