"""Geometry, alignment, cloud amounts."""
