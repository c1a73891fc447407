"""``dmd backfill``: the items of a DynamoDB export to S3, as rows of the tables.

See docs/backfill.md.

The modules, from the lowest up: `manifest` reads what an export says of itself, `source` finds
its objects, `data_file` checks one of its files, `items` makes change records of its lines, `parts`
makes Avro files of them, `ledger` keeps in the bucket what is decided and done, `work` does one
data file, `workers` many of them, and `action` is the command.

AWS actions that the caller needs, beside those of `ops.deployment`:

- on the stack's bucket, below ``data-pipeline/``: ``s3:ListBucket`` with the prefix ``backfill/*``,
  ``s3:GetObject`` on ``backfill/*``, and ``s3:PutObject`` on ``backfill/*``, ``avro/*`` and
  ``current/*/late/*``. Every put has the condition that the object does not exist
  (``If-None-Match: *``).
- on the bucket of the export: ``s3:ListBucket`` and ``s3:GetObject`` on the export's objects.
- ``kms:Decrypt`` and ``kms:GenerateDataKey`` on the bucket's key, and ``kms:Decrypt`` on the key of
  the export, where there are such keys.
- ``dynamodb:DescribeTable`` on the demand table: an item does not say which attributes are its key.
- ``glue:GetTable`` on the stack's tables, which must be able to read the rows.
- ``firehose:DescribeDeliveryStream`` on the stack's delivery streams, to warn if they are too young
  for the export.
"""
