"""Bundled example desks: YAML files with their tables beside them."""
