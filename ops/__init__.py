"""The operator's commands: design §2."""
