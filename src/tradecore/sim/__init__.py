"""The market: the only place that knows how an order becomes a fill. Start at `kernel`; it states the rules."""
