"""The virtual environment that `make` works in, made with nothing but the standard library.

It runs on the Python that the machine has, before any package is installed.
"""
