// The quota tables through Sequelize as the Node app has them (node-bff.md §3.3, §3.4, §6): numbers are
// read, changed here and written back whole, so two at a time lose one of the changes.

const { Sequelize, DataTypes } = require("sequelize");

const QUOTA = 500000;
const { STRING, DATE, INTEGER, BIGINT } = DataTypes;
const name = () => ({ type: STRING, allowNull: false, primaryKey: true });
const number = (defaultValue) => ({ type: INTEGER, allowNull: false, defaultValue });

function define(sequelize) {
  const touched = {
    type: DATE,
    allowNull: false,
    defaultValue: Sequelize.literal("CURRENT_TIMESTAMP"),
    field: process.env.QUOTA_TOUCHED_COLUMN || "updated_at", // one DDL of its says _updated_at
  };
  const options = { timestamps: false, freezeTableName: true };
  const Client = sequelize.define(
    "gpt_dock_client_data",
    {
      client_id: name(),
      product_id: name(),
      touched,
      max_quota: number(QUOTA),
      token_quota: number(QUOTA),
      version: { type: BIGINT, allowNull: false },
    },
    options,
  );
  const User = sequelize.define(
    "gpt_dock_user_data",
    {
      user_id: name(),
      org_id: name(),
      touched,
      token_used: number(0),
      version: { type: BIGINT, allowNull: false, defaultValue: 1 },
    },
    options,
  );
  return { Client, User };
}

async function openQuota(url) {
  const sequelize = new Sequelize(url, { dialect: "postgres", logging: false });
  const { Client, User } = define(sequelize);
  await Client.sync();
  await User.sync();

  async function findOrCreate(client_id, product_id) {
    const where = { client_id, product_id };
    const found = await Client.findOne({ where });
    if (found) return { client: found, created: false };
    return { client: await Client.create({ ...where, version: 1 }), created: true };
  }

  async function left(client_id, product_id) {
    return (await findOrCreate(client_id, product_id)).client.token_quota;
  }

  async function deduct(client_id, product_id, user_id, tokens) {
    const { client } = await findOrCreate(client_id, product_id);
    client.token_quota -= tokens;
    await client.save();
    const where = { user_id, org_id: `${client_id}-${product_id}` };
    const user = (await User.findOne({ where })) || (await User.create({ ...where, token_used: 0 }));
    user.token_used += tokens;
    await user.save();
  }

  return { findOrCreate, left, deduct };
}

module.exports = { openQuota };
