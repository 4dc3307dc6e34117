"""The one loop that turns final bars into decisions, gates, intents and fills, and the plugs it runs with."""
