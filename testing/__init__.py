"""What the tests and the benchmark share; nothing of the product imports it."""
