"""The peers, each a program: ``python -m bench.peers.<name> <folder> <seed> <count>``."""
