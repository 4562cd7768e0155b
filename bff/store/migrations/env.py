"""What Alembic runs: the steps, inside the transaction that `bff.store.migrate` opened."""

from alembic import context

from bff.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
