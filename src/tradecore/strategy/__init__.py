"""Everything that decides obeys one contract: rules written by hand, ensembles, trained policies, generated code."""
