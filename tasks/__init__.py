"""Tasks: all I/O and all Prefect decoration."""
