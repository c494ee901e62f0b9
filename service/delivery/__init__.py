"""The queue: every Redis key and every script of it."""
