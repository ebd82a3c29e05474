"""Alembic's entry: runs the revisions in the transaction that `migrate` opened."""

from alembic import context

from homeostat.store.db.schema.every import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
