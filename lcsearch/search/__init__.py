"""The search: what is tried, what is stopped, and what is recorded of it."""
