"""The command `dmd`: the front of everything that runs from a terminal."""
