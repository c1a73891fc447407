"""The Pulumi program without Pulumi's engine: provisioned at an endpoint, or shown as a graph."""
