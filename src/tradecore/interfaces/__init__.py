"""The skins: what a person types or clicks becomes a call of `control`, and its answer becomes text. No business logic."""
