"""The tables as they stand, the Node app's names and types to the letter. Source: node-bff.md §6.

Only the columns we use: an installation may have grown others, so a row is always written by
column name.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)

METADATA = MetaData()

ADDON_SETTINGS = Table(
    "AddonSettings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("clientKey", String(255)),
    Column("key", String(255)),
    Column("val", JSON),
    Index("addon_settings_client_key_key", "clientKey", "key"),  # not unique, as Sequelize makes it
    sqlite_autoincrement=True,
)

# ACE 11's, by which a Forge installation finds its Connect tenant.
INSTALLATION_CLIENT_KEYS = Table(
    "InstallationClientKeys",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("installationId", String(255), nullable=False),
    Column("clientKey", String(255), nullable=False),
    Index("installation_client_keys_installation_id", "installationId"),
    Index("installation_client_keys_client_key", "clientKey"),
    sqlite_autoincrement=True,
)

# ACE 11's, of an app's own settings: kept for it, we put nothing there.
FORGE_SETTINGS = Table(
    "ForgeSettings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("installationId", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("val", JSON, nullable=False),
    Index("forge_settings_installation_id_key", "installationId", "key"),
    sqlite_autoincrement=True,
)

# `updated_at` is named `_updated_at` where the Node app's own SQL files made the tables.
CLIENT_DATA = Table(
    "gpt_dock_client_data",
    METADATA,
    Column("client_id", String(255), primary_key=True),
    Column("product_id", String(255), primary_key=True),
    Column(
        "updated_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("CURRENT_TIMESTAMP"),
    ),
    Column("max_quota", Integer, nullable=False, server_default=text("500000")),
    Column("token_quota", Integer, nullable=False, server_default=text("500000")),
    Column("version", BigInteger, nullable=False),
)

USER_DATA = Table(
    "gpt_dock_user_data",
    METADATA,
    Column("user_id", String(255), primary_key=True),
    Column("org_id", String(255), primary_key=True),
    Column(
        "updated_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("CURRENT_TIMESTAMP"),
    ),
    Column("token_used", Integer, nullable=False, server_default=text("0")),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
)

# Ours: tokens of calls under way. *holder* is the process, *expires_at* seconds since 1970.
RESERVATIONS = Table(
    "bff_quota_reservations",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("client_id", String(255), nullable=False),
    Column("product_id", String(255), nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("holder", String(255), nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("bff_quota_reservations_client", "client_id", "product_id"),
)

# Ours: keys of integrators. *hash* is SHA-256 in hex, *beginning* what may be shown of a key,
# *models* a list of patterns; times are seconds since 1970.
API_KEYS = Table(
    "bff_api_keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("beginning", String(32), nullable=False),
    Column("models", JSON, nullable=False),
    Column("streams", Integer),
    Column("requests", Integer),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
    Index("bff_api_keys_hash", "hash", unique=True),
)
