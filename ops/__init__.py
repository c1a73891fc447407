"""The operator's commands, see docs/design.md#the-layout."""
