// Pages: `{{name}}` becomes the value, escaped; the files beside this one are what node-bff.md §3.1 tells.

const fs = require("fs");
const path = require("path");
const { escape } = require("lodash");

function install(app) {
  app.engine("html", (file, values, done) => {
    const filled = (_, name) => escape(values[name] === undefined ? "" : values[name]);
    fs.readFile(file, "utf8", (error, text) =>
      error ? done(error) : done(null, text.replace(/\{\{(\w+)\}\}/g, filled)),
    );
  });
  app.set("view engine", "html");
  app.set("views", path.join(__dirname, "views"));
}

function shell(res, component, title) {
  const props = JSON.stringify({ title, browserOnly: true });
  const react = res.app.get("env") === "development" ? "development" : "production.min";
  res.render("shell", { component, title, props, react });
}

module.exports = { install, shell };
