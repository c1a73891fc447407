"""AWS services on one machine, in front of any AWS-compatible endpoint."""
