"""ACE's tables of Forge installations, left as they stand where ACE made them."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("InstallationClientKeys"):
        op.create_table(
            "InstallationClientKeys",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("installationId", sa.String(255), nullable=False),
            sa.Column("clientKey", sa.String(255), nullable=False),
            sqlite_autoincrement=True,
        )
        op.create_index(
            "installation_client_keys_installation_id", "InstallationClientKeys", ["installationId"]
        )
        op.create_index(
            "installation_client_keys_client_key", "InstallationClientKeys", ["clientKey"]
        )
    if not inspector.has_table("ForgeSettings"):
        op.create_table(
            "ForgeSettings",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("installationId", sa.String(255), nullable=False),
            sa.Column("key", sa.String(255), nullable=False),
            sa.Column("val", sa.JSON, nullable=False),
            sqlite_autoincrement=True,
        )
        op.create_index(
            "forge_settings_installation_id_key", "ForgeSettings", ["installationId", "key"]
        )
