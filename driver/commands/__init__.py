"""The commands of `llmcc`, one file each; `llmcc.driver.cli` imports the one that is called."""
