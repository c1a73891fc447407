"""Code that the tests and the benchmark share. The product does not import it."""
