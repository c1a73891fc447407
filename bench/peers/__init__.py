"""The peers: each is a program of its own, started as ``python -m bench.peers.<name> <folder>``."""
