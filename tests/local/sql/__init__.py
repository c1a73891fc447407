"""Tests of local.sql."""
