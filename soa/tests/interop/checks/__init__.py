"""The checks: one module for each part of the protocol, one small function for each statement about it."""
