"""`dmd smoke`: sends a marked record of each type through a deployed stack."""
