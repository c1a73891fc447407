"""Is a stack healthy? What is wrong, and what mends it (``dmd status``)."""
