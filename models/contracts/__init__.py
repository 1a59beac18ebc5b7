"""Contracts: what a frame, a slot and a series are."""
