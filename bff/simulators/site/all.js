// A stand-in for Atlassian's all.js: window.AP inside the add-on's iframe, spoken over postMessage.
// Not the real one: only what the add-on's pages use. The page of the site is the other end (page.js).

(() => {
  const site = new URLSearchParams(location.search).get("xdm_e");
  const framed = window.parent !== window && Boolean(site);
  const waiting = new Map();
  let lastId = 0;

  function call(name, ...values) {
    if (!framed) return Promise.reject(new Error("not inside the site"));
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      window.parent.postMessage({ standIn: "call", id, name, values }, site);
    });
  }

  function tell(name, ...values) {
    call(name, ...values).catch(() => {});
  }

  window.addEventListener("message", (event) => {
    if (!framed || event.source !== window.parent || event.origin !== site) return;
    const { standIn, id, value, error } = event.data ?? {};
    if (standIn === "theme") return setColorMode(value);
    const asked = standIn === "reply" && waiting.get(id);
    if (!asked) return;
    waiting.delete(id);
    if (error) asked.reject(new Error(error));
    else asked.resolve(value);
  });

  function setColorMode(mode) {
    document.documentElement.dataset.colorMode = mode;
  }

  window.AP = {
    context: {
      getToken(callback) {
        const token = call("getToken");
        if (!callback) return token;
        return token.then((value) => (callback(value), value));
      },
      getContext(callback) {
        const context = call("getContext");
        return callback ? void context.then(callback) : context;
      },
    },
    resize: (width, height) => tell("resize", width, height),
    sizeToParent: () => tell("sizeToParent"),
    getLocation: (callback) => void call("getLocation").then(callback),
    theming: { initializeTheming: () => tell("theme") },
  };
})();
