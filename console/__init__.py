"""What the commands share: the root of their errors, progress, and the folder of their state."""
