"""Keeping what is served young."""
