"""The ledger on both clocks: entries that override one another, folded event by event."""
