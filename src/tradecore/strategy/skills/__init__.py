"""Skills: small reviewed functions that strategies share, written by hand or generated. Pure; each says its source."""
