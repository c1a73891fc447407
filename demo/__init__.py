"""One run of the whole pipeline on this machine: feed, run, reconcile, report."""
