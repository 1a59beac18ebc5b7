"""Models: pure networks, science and contracts."""
