"""What the lab has done and learned: runs, their tracks, the trial ledger and the knowledge base. Evidence only."""
