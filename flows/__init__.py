"""Flows: the DAGs and the command line."""
