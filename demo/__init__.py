"""Runs the whole pipeline once on this machine: feed, run, reconcile, report."""
