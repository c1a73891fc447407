"""What an AWS-compatible endpoint has to do for a stack to be provisioned there, and to run."""

from emulation.needs.check import EndpointUnfit, check_registers, check_runs

__all__ = ["EndpointUnfit", "check_registers", "check_runs"]
