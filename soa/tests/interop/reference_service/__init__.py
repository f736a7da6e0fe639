"""The example service, served by PySOA: what the Rust client is tested against, and what shares a queue with it."""

__version__ = "1.2.3"
