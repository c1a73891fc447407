"""Makes a stack's resource graph without AWS, for reading, comparing and testing."""
