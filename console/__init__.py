"""What the commands share: errors, the terminal, progress, tables, and where state is kept."""
