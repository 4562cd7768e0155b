"""The Node app's quota tables, left as they stand where it made them; and ours, of reservations."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"

_NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("gpt_dock_client_data"):
        op.create_table(
            "gpt_dock_client_data",
            sa.Column("client_id", sa.String(255), nullable=False, primary_key=True),
            sa.Column("product_id", sa.String(255), nullable=False, primary_key=True),
            sa.Column(
                "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW
            ),
            sa.Column("max_quota", sa.Integer, nullable=False, server_default=sa.text("500000")),
            sa.Column("token_quota", sa.Integer, nullable=False, server_default=sa.text("500000")),
            sa.Column("version", sa.BigInteger, nullable=False),
        )
    if not inspector.has_table("gpt_dock_user_data"):
        op.create_table(
            "gpt_dock_user_data",
            sa.Column("user_id", sa.String(255), nullable=False, primary_key=True),
            sa.Column("org_id", sa.String(255), nullable=False, primary_key=True),
            sa.Column(
                "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW
            ),
            sa.Column("token_used", sa.Integer, nullable=False, server_default=sa.text("0")),
            sa.Column("version", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        )
    op.create_table(
        "bff_quota_reservations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("product_id", sa.String(255), nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_index(
        "bff_quota_reservations_client", "bff_quota_reservations", ["client_id", "product_id"]
    )
