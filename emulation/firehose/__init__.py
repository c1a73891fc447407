"""Amazon Data Firehose on this machine: delivery streams from Kinesis through Lambda to S3.

`DeliveryStream.describe` reads the settings of a registered delivery stream,
`DeliveryStreamRunner` does what they say. Each module names the AWS pages that it follows, and
says what of AWS's behaviour is not documented and has only been seen, or is unconfirmed.
"""

from emulation.firehose.counts import DeliveryCounts
from emulation.firehose.description import DeliveryStream
from emulation.firehose.errors import (
    DeliveryStalled,
    FirehoseError,
    InvalidSetting,
    NotEmulated,
)
from emulation.firehose.runner import DeliveryStreamRunner

__all__ = [
    "DeliveryCounts",
    "DeliveryStalled",
    "DeliveryStream",
    "DeliveryStreamRunner",
    "FirehoseError",
    "InvalidSetting",
    "NotEmulated",
]
