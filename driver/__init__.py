"""What a user holds: compile and run plans, ask an agent, the command line. The only place that sees all others."""
