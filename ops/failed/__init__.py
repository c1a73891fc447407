"""What failed or is in quarantine: read, counted and explained (``dmd errors``)."""
