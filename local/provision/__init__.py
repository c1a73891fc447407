"""A stack's resources into an AWS-compatible endpoint: the step *provision* of design §7."""

from local.provision.errors import (
    EndpointRefusedError,
    ProvisionError,
    StackConfigError,
    UnsupportedResourceError,
)
from local.provision.monitor import ProvisionedResource
from local.provision.provision import Provisioned, local_settings, provision
from local.provision.target import check_endpoint

__all__ = [
    "EndpointRefusedError",
    "ProvisionError",
    "Provisioned",
    "ProvisionedResource",
    "StackConfigError",
    "UnsupportedResourceError",
    "check_endpoint",
    "local_settings",
    "provision",
]
