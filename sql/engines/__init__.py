"""What answers a statement: the files of a local run, Athena, or a Trino."""
