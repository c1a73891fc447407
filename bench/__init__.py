"""What the pipeline costs beside what it replaces, measured side by side and carried to a bill."""
