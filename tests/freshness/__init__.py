"""Freshness by proof under test: its steps in a simulator, and real processes under fire."""
