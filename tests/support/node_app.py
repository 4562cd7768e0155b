"""The Node app's side of the database: its DDL as Sequelize 6 writes it. Source: node-bff.md §6."""

SEQUELIZE = {
    "sqlite": (
        'CREATE TABLE IF NOT EXISTS "AddonSettings" (`id` INTEGER PRIMARY KEY AUTOINCREMENT, '
        "`clientKey` VARCHAR(255), `key` VARCHAR(255), `val` JSON)",
        "CREATE INDEX `addon_settings_client_key_key` ON `AddonSettings` (`clientKey`, `key`)",
    ),
    "postgresql": (
        'CREATE TABLE IF NOT EXISTS "AddonSettings" ("id" SERIAL, "clientKey" VARCHAR(255), '
        '"key" VARCHAR(255), "val" JSON, PRIMARY KEY ("id"))',
        'CREATE INDEX "addon_settings_client_key_key" ON "AddonSettings" ("clientKey", "key")',
    ),
}

LAST_UPDATED = {
    "sqlite": (
        "ALTER TABLE `AddonSettings` ADD COLUMN last_updated TEXT",
        "CREATE TRIGGER addon_settings_touched AFTER UPDATE OF val ON AddonSettings BEGIN "
        "UPDATE AddonSettings SET last_updated = CURRENT_TIMESTAMP WHERE id = NEW.id; END",
    ),
    "postgresql": (
        'ALTER TABLE "AddonSettings" ADD COLUMN last_updated timestamptz',
        "CREATE FUNCTION touch_last_updated() RETURNS trigger AS "
        "$$ BEGIN NEW.last_updated = now(); RETURN NEW; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER addon_settings_touched BEFORE INSERT OR UPDATE "
        'ON "AddonSettings" FOR EACH ROW EXECUTE FUNCTION touch_last_updated()',
    ),
}
