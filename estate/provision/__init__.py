"""Creates a stack's resources at an AWS-compatible endpoint: the step *provision*.

See docs/design.md#on-one-machine.
"""

from estate.errors import (
    EndpointRefusedError,
    ProvisionError,
    UnsupportedResourceError,
)
from estate.provision.endpoint_check import check_endpoint
from estate.provision.monitor import ProvisionedResource
from estate.provision.provision import Provisioned, local_settings, provision

__all__ = [
    "EndpointRefusedError",
    "ProvisionError",
    "Provisioned",
    "ProvisionedResource",
    "UnsupportedResourceError",
    "check_endpoint",
    "local_settings",
    "provision",
]
