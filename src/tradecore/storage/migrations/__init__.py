"""The history of the lab database's schema, applied on open by `storage.database`. Revisions are never edited."""
