"""The whole pipeline on one machine: design §7."""
