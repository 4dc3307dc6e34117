"""The market: the only place that knows how an order becomes a fill. Start at `kernel`; the rules are in its
docstring."""
