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

QUOTA_SEQUELIZE = {
    "sqlite": (
        "CREATE TABLE IF NOT EXISTS `gpt_dock_client_data` (`client_id` VARCHAR(255) NOT NULL, "
        "`product_id` VARCHAR(255) NOT NULL, `updated_at` DATETIME NOT NULL DEFAULT "
        "CURRENT_TIMESTAMP, `max_quota` INTEGER NOT NULL DEFAULT 500000, `token_quota` INTEGER NOT "
        "NULL DEFAULT 500000, `version` BIGINT NOT NULL, PRIMARY KEY (`client_id`, `product_id`))",
        "CREATE TABLE IF NOT EXISTS `gpt_dock_user_data` (`user_id` VARCHAR(255) NOT NULL, "
        "`org_id` VARCHAR(255) NOT NULL, `updated_at` DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "
        "`token_used` INTEGER NOT NULL DEFAULT 0, `version` BIGINT NOT NULL DEFAULT 1, "
        "PRIMARY KEY (`user_id`, `org_id`))",
    ),
    "postgresql": (
        'CREATE TABLE IF NOT EXISTS "gpt_dock_client_data" ("client_id" VARCHAR(255) NOT NULL , '
        '"product_id" VARCHAR(255) NOT NULL , "updated_at" TIMESTAMP WITH TIME ZONE NOT NULL '
        'DEFAULT CURRENT_TIMESTAMP, "max_quota" INTEGER NOT NULL DEFAULT 500000, "token_quota" '
        'INTEGER NOT NULL DEFAULT 500000, "version" BIGINT NOT NULL, '
        'PRIMARY KEY ("client_id","product_id"))',
        'CREATE TABLE IF NOT EXISTS "gpt_dock_user_data" ("user_id" VARCHAR(255) NOT NULL , '
        '"org_id" VARCHAR(255) NOT NULL , "updated_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT '
        'CURRENT_TIMESTAMP, "token_used" INTEGER NOT NULL DEFAULT 0, "version" BIGINT NOT NULL '
        'DEFAULT 1, PRIMARY KEY ("user_id","org_id"))',
    ),
}

_BY_HAND = (
    "CREATE TABLE gpt_dock_client_data (client_id VARCHAR NOT NULL, product_id VARCHAR NOT NULL, "
    "_updated_at TIMESTAMP NOT NULL, max_quota INTEGER NOT NULL DEFAULT 500000, token_quota INTEGER "
    "NOT NULL DEFAULT 500000, version BIGINT NOT NULL, PRIMARY KEY (client_id, product_id))",
    "CREATE TABLE gpt_dock_user_data (user_id VARCHAR NOT NULL, org_id VARCHAR NOT NULL, "
    "_updated_at TIMESTAMP NOT NULL, token_used INTEGER NOT NULL, version BIGINT NOT NULL, "
    "PRIMARY KEY (user_id, org_id))",
)
QUOTA_BY_HAND = {"sqlite": _BY_HAND, "postgresql": _BY_HAND}  # the Node app's own SQL files
