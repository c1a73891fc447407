"""The functions' deployment packages: which files and wheels, and the same bytes each time."""
