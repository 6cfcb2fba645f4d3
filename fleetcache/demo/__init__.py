"""The demo played: people who look at its pages, and small changes to its data."""
