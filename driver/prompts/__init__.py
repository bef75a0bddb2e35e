"""The styles of prompts that come with llmcc: a folder each; `llmcc.driver.styles` reads them."""
