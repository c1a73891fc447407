"""A stack's whole resource graph without AWS, to be read, compared and tested."""
