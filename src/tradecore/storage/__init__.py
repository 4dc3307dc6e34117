"""Files and databases that must not lie: atomic writes here, ledgers and lab databases later."""
