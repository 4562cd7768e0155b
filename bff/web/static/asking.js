// One question to POST /conversations: a fresh token, the request, the streamed answer.
// Not the page: it touches no element. Its failures are Trouble, in words a reader can use.

import { EventReader } from "./events.js";

const TOKEN_PATIENCE_MS = 15_000;
const SILENCE_MS = 60_000; // the service says something at least every ten seconds
// How the service speaks of a failure inside a stream: before anything was shown, and after.
const ERROR_TEXT = /^\s*An error occurred[:,.]?\s*/;

// kind: outside | session | busy | network | refused | long | upstream | cut | empty.
// said: the service's own sentence, when it had one.
export class Trouble extends Error {
  constructor(kind, { said = "", retryAfter = 0 } = {}) {
    super(kind);
    this.kind = kind;
    this.said = said.replace(ERROR_TEXT, "").trim();
    this.retryAfter = retryAfter;
  }
}

// A token of this moment from Confluence; never kept.
export function freshToken(context = window.AP?.context) {
  return new Promise((resolve, reject) => {
    if (!context) return reject(new Trouble("outside"));
    setTimeout(() => reject(new Trouble("session")), TOKEN_PATIENCE_MS);
    const promised = context.getToken(resolve);
    promised?.then?.(resolve, () => reject(new Trouble("session")));
  }).then((token) => {
    if (typeof token !== "string" || token === "") throw new Trouble("session");
    return token;
  });
}

const asMessage = ({ role, text }) => ({
  id: crypto.randomUUID?.() ?? String(Math.random()).slice(2),
  author: { role },
  role,
  content: { content_type: "text", parts: [text] },
});

// Calls onText(text so far) as it grows; resolves to why it ended: "stop", "length", ….
// Throws Trouble, or the signal's AbortError when the reader stopped it.
export async function ask(messages, { signal, onText }) {
  const token = await freshToken();
  signal.throwIfAborted();
  const silence = new AbortController();
  const either = AbortSignal.any([signal, silence.signal]);
  try {
    const response = await post(messages, token, either);
    if (!response.ok) throw await refusal(response);
    return await listen(response, { onText, silence });
  } catch (error) {
    if (error instanceof Trouble || signal.aborted) throw error;
    throw new Trouble("network");
  } finally {
    silence.abort(); // a body nobody reads to its end is hung up on
  }
}

function post(messages, token, signal) {
  const body = {
    action: "next",
    messages: messages.map(asMessage),
    parent_message_id: "",
    model: "text-davinci-002",
  };
  return fetch(`/conversations?jwt=${encodeURIComponent(token)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json; charset=UTF-8" },
    body: JSON.stringify(body),
    signal,
  });
}

async function listen(response, { onText, silence }) {
  let text = "";
  let finish = "";
  let done = false;
  for await (const event of events(response, silence)) {
    if (event === "[DONE]") {
      done = true;
      break;
    }
    const chunk = parsed(event);
    if (chunk?.error) {
      const said = String(chunk.error.message ?? "");
      throw new Trouble(text === "" ? "upstream" : "cut", { said });
    }
    const choice = chunk?.choices?.[0];
    finish = choice?.finish_reason ?? finish;
    const piece = choice?.delta?.content;
    if (typeof piece !== "string" || piece === "") continue;
    text += piece;
    onText(text);
  }
  if (!done && finish === "") throw new Trouble(text === "" ? "network" : "cut");
  if (text.trim() === "") throw new Trouble("empty");
  return finish || "stop";
}

async function* events(response, silence) {
  const lines = response.body.getReader();
  const decoder = new TextDecoder();
  const reader = new EventReader();
  let timer = 0;
  try {
    for (;;) {
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { value, done } = await lines.read();
      clearTimeout(timer);
      if (done) return;
      yield* reader.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
  }
}

function parsed(event) {
  try {
    return JSON.parse(event);
  } catch {
    return null; // one bad event does not end an answer
  }
}

const KINDS = new Map([
  [401, "session"],
  [413, "long"],
  [429, "busy"],
]);

async function refusal(response) {
  const { status } = response;
  const kind = KINDS.get(status) ?? (status < 500 ? "refused" : "upstream");
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const type = response.headers.get("Content-Type") ?? "";
  const said = type.startsWith("text/event-stream") ? await spoken(response) : "";
  return new Trouble(kind, { said, retryAfter });
}

// The text of an error that came as a stream.
async function spoken(response) {
  const reader = new EventReader();
  const pieces = reader.feed((await response.text()) + "\n\n").map(parsed);
  return pieces.map((chunk) => chunk?.choices?.[0]?.delta?.content ?? "").join("");
}
