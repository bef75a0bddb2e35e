"""Which sequences get which tokens in the next batch: a state machine without a model, threads or clock."""
