"""Alembic's entry. `kado.storage.migrate` hands in a connection; `alembic --sql` prints the script for a DBA."""

from alembic import context

connection = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql")
    with context.begin_transaction():
        context.run_migrations()
else:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
