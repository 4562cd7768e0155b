"""The tables as they stand, the Node app's names and types to the letter. Source: node-bff.md §6.

Only the columns we use: an installation may have grown others, so a row is always written by
column name.
"""

from sqlalchemy import JSON, Column, Index, Integer, MetaData, String, Table

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
