"""What a user holds: compile and run plans, ask an agent, and the command line. The only place that sees all the others."""
