// Markdown on the page: builds elements and text nodes, never markup out of a model's words.
// Grows: blocks that did not change keep their elements, so selection and scrolling survive.

import { readBlocks, readInline } from "./markdown.js";

export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export class Answer {
  #sources = [];

  constructor(container) {
    this.container = container;
  }

  // Shows the whole text so far; open while more may come.
  show(text, { open = false } = {}) {
    const blocks = readBlocks(text);
    blocks.forEach((block, i) => {
      const growing = open && i === blocks.length - 1;
      const source = `${growing}${block.type}:${block.source}`;
      if (this.#sources[i] === source) return;
      this.#sources[i] = source;
      this.#put(block, i, growing);
    });
    this.#sources.length = blocks.length;
    while (this.container.children.length > blocks.length) this.container.lastElementChild.remove();
  }

  #put(block, i, growing) {
    const old = this.container.children[i];
    if (block.type === "code" && old?.dataset.language === block.language) {
      old.querySelector("code").textContent = block.code; // keeps its place when scrolled sideways
    } else if (old) old.replaceWith(drawBlock(block, growing));
    else this.container.append(drawBlock(block, growing));
  }
}

const drawBlocks = (blocks, open) =>
  blocks.map((block, i) => drawBlock(block, open && i === blocks.length - 1));

function drawBlock(block, open) {
  return DRAW[block.type](block, open);
}

const DRAW = {
  paragraph: ({ text }, open) => element("p", {}, drawInline(text, open)),
  // The page has the first heading, the conversation the second ones.
  heading: ({ level, text }, open) =>
    element(`h${Math.min(level + 2, 6)}`, { class: `level-${level}` }, drawInline(text, open)),
  rule: () => element("hr"),
  quote: ({ blocks }, open) => element("blockquote", {}, drawBlocks(blocks, open)),
  list: drawList,
  table: drawTable,
  code: drawCode,
};

function drawList({ ordered, start, items }, open) {
  const drawn = items.map((blocks, i) => drawItem(blocks, open && i === items.length - 1));
  return ordered ? element("ol", start === 1 ? {} : { start }, drawn) : element("ul", {}, drawn);
}

function drawItem(blocks, open) {
  const [first, ...others] = blocks;
  if (first?.type !== "paragraph") return element("li", {}, drawBlocks(blocks, open));
  const task = /^\[([ xX])\]\s+/.exec(first.text);
  const text = task ? first.text.slice(task[0].length) : first.text;
  const words = drawInline(text, open && others.length === 0);
  if (task) words.unshift(drawBox(task[1] !== " "));
  return element("li", { class: task ? "task" : null }, [...words, ...drawBlocks(others, open)]);
}

function drawBox(ticked) {
  return element("span", { class: "box", role: "img", "aria-label": ticked ? "done" : "to do" }, [
    ticked ? "✓" : "",
  ]);
}

function drawTable({ head, sides, rows }) {
  const row = (cells, name) =>
    element("tr", {}, cells.map((cell, i) => element(name, { class: sides[i] }, drawInline(cell))));
  const table = element("table", {}, [
    element("thead", {}, [row(head, "th")]),
    element("tbody", {}, rows.map((cells) => row(cells, "td"))),
  ]);
  return element("div", { class: "wide", role: "group", "aria-label": "Table", tabindex: "0" }, [table]);
}

function drawCode({ language, code }) {
  const body = element("code", {}, [code]);
  const copy = element("button", { type: "button", class: "copy" }, [
    "Copy",
    element("span", { class: "unseen" }, [" code"]),
  ]);
  copy.addEventListener("click", () => copyText(body.textContent, copy));
  const made = element("figure", { class: "code" }, [
    element("figcaption", {}, [element("span", {}, [language || "text"]), copy]),
    element("pre", { tabindex: "0", "aria-label": `Code, ${language || "text"}` }, [body]),
  ]);
  made.dataset.language = language;
  return made;
}

function drawInline(text, open = false) {
  return readInline(text, { open }).map(drawPiece);
}

function drawPiece(piece) {
  if (typeof piece === "string") return document.createTextNode(piece);
  const inner = () => piece.pieces.map(drawPiece);
  switch (piece.type) {
    case "strong":
      return element("strong", {}, inner());
    case "emphasis":
      return element("em", {}, inner());
    case "strike":
      return element("del", {}, inner());
    case "code":
      return element("code", {}, [piece.code]);
    case "break":
      return element("br");
    default:
      return drawLink(piece, inner());
  }
}

function drawLink({ address }, words) {
  if (!address) return element("span", {}, words);
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, words);
}

// Says on the button itself, and to whoever listens for "told", whether it worked.
export async function copyText(text, button) {
  const said = (await put(text)) ? "Copied" : "Press Ctrl+C";
  const label = button.firstChild;
  const name = (button.dataset.name ??= label.textContent);
  label.textContent = said;
  button.dispatchEvent(new CustomEvent("told", { bubbles: true, detail: said }));
  setTimeout(() => (label.textContent = name), 1600);
}

async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return putByCommand(text); // an iframe may not be allowed the clipboard
  }
}

function putByCommand(text) {
  const focused = document.activeElement;
  const holder = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
  holder.value = text;
  document.body.append(holder);
  holder.select();
  const worked = document.execCommand("copy");
  holder.remove();
  focused?.focus();
  return worked;
}
