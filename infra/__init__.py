"""The Pulumi components of the pipeline, one AWS concern a module.

See docs/design.md#the-aws-resources.
"""
