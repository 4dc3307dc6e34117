"""Alembic's entry: runs the revisions on the connection that `storage.database` hands over. Not run by hand."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
context.run_migrations()
