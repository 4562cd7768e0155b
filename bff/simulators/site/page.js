// The stand-in site's page: holds the add-on in an iframe, answers its AP calls, shows the diary.
// Every message is checked for its window and its origin, in both directions.

const at = (id) => document.getElementById(id);
const holder = at("add-on");
// What Confluence allows its add-ons.
const SANDBOX =
  "allow-downloads allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox " +
  "allow-same-origin allow-scripts allow-top-navigation-by-user-activation";
let frame = null;
let addOnOrigin = "";

async function post(name) {
  const response = await fetch(name, { method: "POST" });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? "The site did not answer.");
  return answer;
}

// --- the add-on -----------------------------------------------------------------------------

async function open() {
  const response = await fetch(`frame?origin=${encodeURIComponent(location.origin)}`);
  const { base, path } = await response.json();
  if (!path) return close("The add-on is not installed here.");
  const url = new URL((base || location.origin) + path);
  addOnOrigin = url.origin;
  frame = document.createElement("iframe");
  frame.title = "GPTDock";
  frame.allow = "clipboard-write";
  if (addOnOrigin !== location.origin) frame.sandbox = SANDBOX; // on one origin it holds nobody
  frame.src = url;
  holder.replaceChildren(frame);
}

function close(words) {
  frame = null;
  const note = document.createElement("p");
  note.className = "empty";
  note.textContent = words;
  holder.replaceChildren(note);
}

const ANSWERS = {
  getToken: async () => (await post("token")).token,
  getContext: () => ({ confluence: { space: { key: "DEMO" }, content: { id: "65591" } } }),
  getLocation: () => location.href,
  resize: (width, height) => {
    if (/^\d+(px)?$/.test(String(height))) frame.style.height = `${parseInt(height, 10)}px`;
  },
  sizeToParent: () => {
    frame.style.height = "";
  },
  theme: () => sendTheme(),
};

window.addEventListener("message", async (event) => {
  if (!frame || event.source !== frame.contentWindow || event.origin !== addOnOrigin) return;
  const { standIn, id, name, values } = event.data ?? {};
  if (standIn !== "call" || !Object.hasOwn(ANSWERS, name)) return;
  const reply = { standIn: "reply", id };
  try {
    reply.value = await ANSWERS[name](...values);
  } catch (error) {
    reply.error = error.message;
  }
  event.source.postMessage(reply, addOnOrigin);
});

// --- colours --------------------------------------------------------------------------------

const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = () => document.querySelector("[name=theme]:checked").value;

function sendTheme() {
  const mode = chosen() === "auto" ? (system.matches ? "dark" : "light") : chosen();
  frame?.contentWindow.postMessage({ standIn: "theme", value: mode }, addOnOrigin);
}

function showTheme() {
  document.documentElement.dataset.colorMode = chosen();
  localStorage.setItem("theme", chosen());
  sendTheme();
}

const remembered = document.querySelector(`[name=theme][value="${localStorage.getItem("theme")}"]`);
if (remembered) remembered.checked = true;
document.querySelector(".theme").addEventListener("change", showTheme);
system.addEventListener("change", showTheme);
showTheme();

// --- deeds and diary ------------------------------------------------------------------------

const DEEDS = {
  install: async () => {
    const { status } = await post("install");
    if (status < 300) await open();
    return status < 300 ? "Installed again" : "The install was refused";
  },
  uninstall: async () => {
    const { status } = await post("uninstall");
    return status < 300 ? "Uninstalled; the next question will be refused" : "The uninstall was refused";
  },
  "expire-next": async () => {
    await post("expire-next");
    return "The next token will be expired";
  },
};

for (const button of document.querySelectorAll("[data-deed]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      at("said").textContent = await DEEDS[button.dataset.deed]();
    } catch (error) {
      at("said").textContent = error.message;
    }
    button.disabled = false;
    button.focus();
  });
}

function made(name, className, children) {
  const element = document.createElement(name);
  element.className = className;
  element.append(...children);
  return element;
}

function show({ at: when, title, detail, ok, facts }) {
  const time = made("time", "", [new Date(when * 1000).toLocaleTimeString([], { hour12: false })]);
  const line = made("div", "line", [made("b", "", [title]), time]);
  const item = made("li", ok ? "" : "bad", [line, made("span", "detail", [detail])]);
  if (Object.keys(facts).length > 0) {
    const claims = made("pre", "", [JSON.stringify(facts, null, 2)]);
    claims.tabIndex = 0;
    item.append(made("details", "", [made("summary", "", ["Claims"]), claims]));
  }
  at("diary").prepend(item);
}

let lastNumber = 0;
new EventSource("events").addEventListener("message", ({ data }) => {
  const happening = JSON.parse(data);
  if (happening.number <= lastNumber) return;
  lastNumber = happening.number;
  show(happening);
});

open();
