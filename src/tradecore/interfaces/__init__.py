"""The skins: what a person types or clicks calls `control`, and its answer becomes text. No business logic."""
