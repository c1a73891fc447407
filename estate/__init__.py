"""Runs the Pulumi program without Pulumi's engine, to provision an endpoint or show the graph."""
