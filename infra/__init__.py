"""The Pulumi components of the pipeline, one AWS concern a module: design §2 and §6."""
