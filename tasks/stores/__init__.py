"""Stores: archives, record and published series. No Prefect here."""
