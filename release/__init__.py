"""The functions' deployment packages: zips of files and wheels, reproducible byte for byte."""
