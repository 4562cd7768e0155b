"""AddonSettings, where installs are kept; left as it stands where the Node app made it."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_COLUMNS = ["clientKey", "key"]


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("AddonSettings"):
        op.create_table(
            "AddonSettings",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("clientKey", sa.String(255)),
            sa.Column("key", sa.String(255)),
            sa.Column("val", sa.JSON),
            sqlite_autoincrement=True,
        )
        indexed = False
    else:
        indexed = any(
            index["column_names"] == _COLUMNS for index in inspector.get_indexes("AddonSettings")
        )
    if not indexed:
        op.create_index("addon_settings_client_key_key", "AddonSettings", _COLUMNS)
