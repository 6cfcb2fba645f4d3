"""The shape of every cached value: counts only, strictly parsed; rates are made when asked."""
