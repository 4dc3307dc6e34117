"""Places where orders go: the simulated venue, and the real ones behind the same port."""
