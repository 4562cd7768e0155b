// The chat: what is on the page, and what the reader does with it.
// Not the protocol (asking.js), not the text (answer.js, markdown.js).

import { Answer, copyText, element } from "./answer.js";
import { Trouble, ask } from "./asking.js";

const MEMORY = 20; // earlier turns that go along with a question
const NEAR_END_PX = 64;
const SLOW_MS = 12_000;

const at = (id) => document.getElementById(id);
const [scroller, welcome, turns, form, question, send, stop, newest, newChat, status] = [
  "scroller", "welcome", "turns", "ask", "question", "send", "stop", "newest", "new-chat", "status",
].map(at);

let conversation = []; // {asked, text, state: running | done | stopped | failed}
let running = null; // the AbortController of the answer that is being written
let followed = true; // the reader is at the end and wants to stay there

// --- a turn ---------------------------------------------------------------------------------

class Turn {
  asked;
  text = "";
  state = "running";

  constructor(asked) {
    this.asked = asked;
    this.body = element("div", { class: "answer" });
    this.notes = element("div", { class: "notes" });
    this.reply = element("article", { class: "reply", "aria-label": "Answer" }, [this.body, this.notes]);
    const own = element("article", { class: "own", "aria-label": "You asked" }, [element("p", {}, [asked])]);
    this.item = element("li", { class: "turn" }, [own, this.reply]);
  }

  begin() {
    this.text = "";
    this.state = "running";
    this.answer = new Answer(this.body);
    this.body.replaceChildren();
    this.reply.setAttribute("aria-busy", "true");
    this.note(element("p", { class: "waiting" }, [element("i"), element("i"), element("i"), element("span", { class: "unseen" }, ["Waiting for an answer"])]));
    this.slow = setTimeout(() => this.note(element("p", { class: "calm" }, ["Still waiting. Long answers can take a while; you can stop at any time."])), SLOW_MS);
  }

  grow(text) {
    clearTimeout(this.slow);
    if (this.text === "") this.notes.replaceChildren();
    this.text = text;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.state !== "running") return;
      this.answer.show(this.text, { open: true });
      follow();
    });
  }

  end(state, notes) {
    clearTimeout(this.slow);
    this.state = state;
    this.reply.removeAttribute("aria-busy");
    if (this.text) this.answer.show(this.text);
    this.notes.replaceChildren(...notes);
    follow();
  }

  note(...notes) {
    this.notes.replaceChildren(...notes);
    follow();
  }
}

// --- asking ---------------------------------------------------------------------------------

function messagesFor(turn) {
  const earlier = conversation
    .slice(0, conversation.indexOf(turn))
    .filter(({ state, text }) => text !== "" && state !== "failed")
    .slice(-MEMORY);
  return [
    ...earlier.flatMap(({ asked, text }) => [
      { role: "user", text: asked },
      { role: "assistant", text },
    ]),
    { role: "user", text: turn.asked },
  ];
}

async function run(turn) {
  const mine = (running = new AbortController());
  turn.begin();
  refresh();
  tell("Answering");
  follow();
  try {
    const finish = await ask(messagesFor(turn), {
      signal: mine.signal,
      onText: (text) => !mine.signal.aborted && turn.grow(text),
    });
    turn.end("done", [...endNotes(finish), answerActions(turn)]);
    tell(`Answer: ${turn.body.innerText}`);
  } catch (error) {
    finishBadly(turn, error, mine);
  }
  if (running === mine) running = null;
  refresh();
}

function finishBadly(turn, error, mine) {
  if (mine.signal.aborted) {
    turn.end("stopped", [element("p", { class: "calm" }, ["Stopped."]), answerActions(turn, { again: true })]);
    return tell("Stopped");
  }
  const trouble = error instanceof Trouble ? error : new Trouble("upstream");
  const { title, advice } = explain(trouble);
  turn.end("failed", [
    element("div", { class: "trouble", role: "group", "aria-label": title }, [
      element("strong", {}, [title]),
      element("p", {}, [advice]),
      againButton(turn),
    ]),
  ]);
  tell(`${title} ${advice}`);
}

const EXPLANATIONS = {
  outside: ["This page is not inside Confluence.", "Open GPTDock from a Confluence page; it signs you in from there."],
  session: ["Your session has expired.", "Try again to continue. If that does not help, reload the page."],
  network: ["The connection was lost.", "Check that you are online, then try again."],
  refused: ["This question could not be taken.", "Try to put it another way."],
  long: ["This conversation is too long to send.", "Shorten the question, or begin a new chat."],
  cut: ["The answer broke off.", "What arrived is kept above. Try again for a whole one."],
  empty: ["No answer came back.", "This happens now and then. Try again."],
  upstream: ["The assistant cannot answer right now.", "It is not your question. Try again in a moment."],
};

function explain({ kind, said, retryAfter }) {
  if (kind === "busy") {
    const pause = retryAfter > 0 ? `about ${pauseText(retryAfter)}` : "a moment";
    return { title: "Too many questions at once.", advice: `Wait ${pause}, then try again.` };
  }
  const [title, advice] = EXPLANATIONS[kind];
  const spoken = ["upstream", "refused"].includes(kind) ? said : "";
  return { title, advice: spoken || advice };
}

const pauseText = (seconds) =>
  seconds < 90 ? `${Math.ceil(seconds)} second${seconds > 1 ? "s" : ""}` : `${Math.ceil(seconds / 60)} minutes`;

function endNotes(finish) {
  if (finish === "length") return [element("p", { class: "calm" }, ["The answer reached its length limit. Ask to go on."])];
  if (finish === "content_filter") return [element("p", { class: "calm" }, ["Part of the answer was withheld by the content rules."])];
  return [];
}

function answerActions(turn, { again = false } = {}) {
  const copy = element("button", { type: "button", class: "quiet" }, ["Copy answer"]);
  copy.addEventListener("click", () => copyText(turn.text, copy));
  const buttons = [...(turn.text ? [copy] : []), ...(again ? [againButton(turn)] : [])];
  return element("div", { class: "actions" }, buttons);
}

function againButton(turn) {
  const click = () => {
    if (running) return;
    question.focus({ preventScroll: true }); // the button is about to go
    followed = true;
    run(turn);
  };
  return element("button", { type: "button", class: "again", click }, ["Try again"]);
}

function start(asked) {
  if (running || asked.trim() === "") return;
  const turn = new Turn(asked.trim());
  conversation.push(turn);
  turns.append(turn.item);
  question.value = "";
  fit();
  question.focus({ preventScroll: true });
  followed = true;
  run(turn);
}

function clear() {
  running?.abort();
  running = null;
  conversation = [];
  turns.replaceChildren();
  refresh();
  question.focus();
  tell("New chat");
}

// --- the page around it ---------------------------------------------------------------------

function refresh() {
  const empty = conversation.length === 0;
  welcome.hidden = !empty;
  newChat.hidden = empty;
  stop.hidden = !running;
  send.hidden = Boolean(running);
  send.disabled = question.value.trim() === "";
  for (const button of document.querySelectorAll(".again")) button.disabled = Boolean(running);
  showNewest();
}

function tell(words) {
  status.textContent = words;
}

function fit() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  send.disabled = question.value.trim() === "";
}

const distanceToEnd = () => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;

function follow() {
  if (followed && conversation.length > 0) scroller.scrollTop = scroller.scrollHeight;
  showNewest();
}

function showNewest() {
  newest.hidden = followed || distanceToEnd() < NEAR_END_PX;
}

let lastTop = 0;
scroller.addEventListener("scroll", () => {
  // Growing text moves the end, not the reader: only going up lets go, only arriving takes hold.
  if (scroller.scrollTop < lastTop - 1 && distanceToEnd() > NEAR_END_PX) followed = false;
  else if (distanceToEnd() < NEAR_END_PX) followed = true;
  lastTop = scroller.scrollTop;
  showNewest();
}, { passive: true });

newest.addEventListener("click", () => {
  followed = true;
  follow();
  question.focus({ preventScroll: true });
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  start(question.value);
});

question.addEventListener("input", fit);
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  start(question.value);
});

function stopAnswer() {
  if (!running) return;
  running.abort();
  question.focus({ preventScroll: true });
}

stop.addEventListener("click", stopAnswer);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) stopAnswer();
});

at("suggestions").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) start(button.dataset.question);
});

newChat.addEventListener("click", clear);
document.addEventListener("told", ({ detail }) => tell(detail));
new ResizeObserver(follow).observe(scroller);

// all.js is a deferred script and this a module: both run in order, so AP is there if it came.
window.AP?.sizeToParent?.();
window.AP?.theming?.initializeTheming?.();
refresh();
fit();
// Until here nobody would have listened.
for (const control of [question, ...at("suggestions").querySelectorAll("button")]) control.disabled = false;
