"""``dmd sql``: Athena's SQL at a terminal, on this machine, on Athena itself or on a Trino."""
