"""Visits entered on a phone, with or without a network."""
