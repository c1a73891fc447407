"""An emulation of Amazon Data Firehose: delivery streams from Kinesis through Lambda to S3.

`DeliveryStream.describe` reads the settings of a registered delivery stream, and
`DeliveryStreamRunner` runs it. `check_destination` refuses settings as AWS's API does. Each module
names the AWS pages that it follows. Where AWS documents nothing, it says what was observed on AWS
and what is unconfirmed.
"""

from emulation.firehose.counts import DeliveryCounts
from emulation.firehose.description import DeliveryStream, check_destination
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
    "check_destination",
]
