// A stand-in for the Node app, written from its contract (node-bff.md), on its own libraries: Express
// and atlassian-connect-express. Its faults are part of it: what the rewrite mends is still broken here.
//
// Not the Node app: tenants and quota live in one PostgreSQL (DATABASE_URL), because the SQLite driver
// is a binary; the upstream is OPENAI_BASEURL; nothing is sent to the monitor; no dev registration.
// Runs in a directory that holds atlassian-connect.json; PORT=0 picks a free port.

const http = require("http");
const path = require("path");
const bodyParser = require("body-parser");
const compression = require("compression");
const express = require("express");
const ace = require(process.env.ACE || "atlassian-connect-express"); // ace-7 is what its fork is made of
const { openQuota } = require("./quota");
const routes = require("./routes");
const views = require("./views");

const { env } = process;
const WHITELIST = ["*.jira-dev.com", "*.atlassian.net", "*.atlassian.com", "*.jira.com"];

function aceConfig() {
  const store = { adapter: "sequelize", dialect: "postgres", url: env.DATABASE_URL, logging: false };
  const common = { store, errorTemplate: true, localBaseUrl: env.LOCAL_BASE_URL, watch: false };
  return {
    product: "confluence",
    development: common,
    production: { ...common, whitelist: WHITELIST },
  };
}

function securityHeaders(req, res, next) {
  res.set("Strict-Transport-Security", "max-age=31536000");
  res.set("Referrer-Policy", "origin");
  next();
}

function nocache(req, res, next) {
  res.set("Surrogate-Control", "no-store");
  res.set("Cache-Control", "no-store, no-cache, must-revalidate, proxy-revalidate");
  res.set("Pragma", "no-cache");
  res.set("Expires", "0");
  next();
}

function staticFiles(app, at, ...folders) {
  if (env.FRONTEND_DIR) app.use(at, express.static(path.resolve(env.FRONTEND_DIR, ...folders)));
}

async function build(app) {
  const quota = await openQuota(env.QUOTA_DATABASE_URL || env.DATABASE_URL);
  const addon = ace(app, { config: aceConfig() }); // puts its own routes in on the next tick: behind these

  views.install(app);
  staticFiles(app, "/", "views"); // before the headers: its files lack them
  app.use(securityHeaders);
  app.use(bodyParser.json({ limit: "10mb" }));
  app.use(bodyParser.urlencoded({ extended: false }));
  app.use(compression()); // event streams too
  app.use(addon.middleware());
  staticFiles(app, "/confluence-plugin", "modules/confluence-plugin/dist");
  staticFiles(app, "/", "public");
  app.use(nocache);
  routes(app, addon, quota);
  const { connectionPromise, installationMappingPromise, forgeSettingsPromise } = addon.settings;
  await Promise.all([connectionPromise, installationMappingPromise, forgeSettingsPromise]);
}

const app = express();
const server = http.createServer(app);
server.listen(Number(env.PORT || 3000), env.HOST || "127.0.0.1", async () => {
  const url = `http://${env.HOST || "127.0.0.1"}:${server.address().port}`;
  if (!env.AC_LOCAL_BASE_URL && !env.LOCAL_BASE_URL) env.AC_LOCAL_BASE_URL = url;
  await build(app);
  console.log(`listening on ${url}`);
});
