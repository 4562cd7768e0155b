// Markdown as models write it, read into plain objects: blocks and inline pieces.
// Not a renderer and not all of CommonMark: no raw HTML, no images, no reference links.
// What it does not know stays text. Source of the forms: CommonMark 0.31, GFM for tables.

const LONGEST_LINK = 2000; // characters between its brackets; keeps hostile text linear
const DEEPEST = 8; // of quotes in lists in quotes; deeper stays text
const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s(.*))?$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

const blank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

// [{type, source, …}]: equal source, equal block, so a renderer may keep what it has.
export function readBlocks(text, depth = 0) {
  const lines = text.replaceAll("\t", "    ").split(/\r\n|\n|\r/);
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (blank(lines[at])) {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    blocks.push({ ...block, source: lines.slice(at, next).join("\n") });
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  for (const read of depth < DEEPEST ? READERS : [readFence]) {
    const found = read(lines, at, depth);
    if (found) return found;
  }
  return readParagraph(lines, at);
}

const READERS = [readFence, readHeading, readRule, readQuote, readList, readTable];

function readFence(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  const [, fence, info] = open;
  const margin = indentOf(lines[at]);
  const closed = (line) => {
    const mark = line.trim();
    return mark.length >= fence.length && mark === fence[0].repeat(mark.length);
  };
  let end = at + 1;
  while (end < lines.length && !closed(lines[end])) end += 1;
  const code = lines.slice(at + 1, end).map((line) => line.slice(Math.min(margin, indentOf(line))));
  const language = info.trim().split(/\s+/)[0];
  return [{ type: "code", language, code: code.join("\n") }, end + 1];
}

function readHeading(lines, at) {
  const found = HEADING.exec(lines[at]);
  const text = (found?.[2] ?? "").trim().replace(/(^|\s)#+$/, "");
  return found && [{ type: "heading", level: found[1].length, text }, at + 1];
}

function readRule(lines, at) {
  return RULE.test(lines[at]) ? [{ type: "rule" }, at + 1] : null;
}

function readQuote(lines, at, depth) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ type: "quote", blocks: readBlocks(inner.join("\n"), depth + 1) }, end];
}

const ordered = (marker) => /\d/.test(marker);

function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || ordered(item[2]) !== ordered(first[2]) || item[1].length > first[1].length + 1) break;
    const body = bodyOfItem(lines, end, item);
    items.push(readBlocks(body.lines.join("\n"), depth + 1));
    end = body.end;
  }
  const start = ordered(first[2]) ? parseInt(first[2], 10) : 0;
  return [{ type: "list", ordered: ordered(first[2]), start, items }, end];
}

// The lines of one item without their margin, and where the next one may begin.
function bodyOfItem(lines, at, [, indent, , text]) {
  const inside = indent.length + 2; // lenient: models indent by two even under "10."
  const margin = lines[at].length - text.length;
  const body = [text];
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end];
    const next = blank(line) ? lines.findIndex((other, i) => i > end && !blank(other)) : end;
    if (next < 0) break;
    if (indentOf(lines[next]) < inside && (next > end || startsBlock(line))) {
      if (next > end && ITEM.test(lines[next])) end = next; // a loose list goes on
      break;
    }
    body.push(line.slice(Math.min(margin, indentOf(line))));
  }
  return { lines: body, end };
}

const startsBlock = (line) =>
  [FENCE, HEADING, RULE, QUOTE, ITEM].some((form) => form.test(line));

function readTable(lines, at) {
  const rule = lines[at + 1];
  if (!lines[at].includes("|") || !rule?.includes("|") || !TABLE_RULE.test(rule)) return null;
  const head = cells(lines[at]);
  const sides = cells(rule).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "end") : "start"));
  if (sides.length !== head.length) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const rows = lines.slice(at + 2, end).map((line) => {
    const row = cells(line);
    return head.map((_, i) => row[i] ?? "");
  });
  return [{ type: "table", head, sides, rows }, end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function readParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !blank(lines[end]) && !startsBlock(lines[end])) end += 1;
  return [{ type: "paragraph", text: lines.slice(at, end).map((line) => line.trimStart()).join("\n") }, end];
}

// --- inline ---------------------------------------------------------------------------------

const PUNCTUATION = /[!-/:-@[-`{-~]/;
const PAIRS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "strike"],
  ["*", "emphasis"],
  ["_", "emphasis"],
];
const BARE_LINK = /https?:\/\/[^\s<>"'`]+/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
const TEXT = /[^\\`*_~[\]<!h\n]+|h/y;

// [string | {type, …}]. With open, a mark whose end has not come yet counts as closed by the end
// of the text, so that a growing answer does not flicker.
export function readInline(text, { open = false, depth = 0 } = {}) {
  const reading = { text, open, depth, dead: new Set() };
  const pieces = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const [piece, next] = readPiece(reading, at);
    if (typeof piece === "string") plain += piece;
    else {
      if (plain) pieces.push(plain);
      plain = "";
      pieces.push(piece);
    }
    at = next;
  }
  return plain ? [...pieces, plain] : pieces;
}

function readPiece(reading, at) {
  for (const read of [readEscape, readCode, readLink, readBareLink, readPair]) {
    const found = read(reading, at);
    if (found) return found;
  }
  TEXT.lastIndex = at;
  const run = TEXT.exec(reading.text)?.[0] ?? reading.text[at];
  return [run, at + run.length];
}

function readEscape({ text }, at) {
  if (text[at] !== "\\") return null;
  const next = text[at + 1] ?? "";
  if (next === "\n") return [{ type: "break" }, at + 2];
  return PUNCTUATION.test(next) ? [next, at + 2] : null;
}

function readCode(reading, at) {
  const { text } = reading;
  if (text[at] !== "`") return null;
  let fence = "`";
  while (text[at + fence.length] === "`") fence += "`";
  const from = at + fence.length;
  const end = reading.dead.has(fence) ? -1 : closingTicks(text, fence, from);
  if (end >= 0) return [{ type: "code", code: trimCode(text.slice(from, end)) }, end + fence.length];
  reading.dead.add(fence);
  if (reading.open && from < text.length) return [{ type: "code", code: text.slice(from) }, text.length];
  return [fence, from];
}

function closingTicks(text, fence, from) {
  for (let end = text.indexOf(fence, from); end >= 0; ) {
    let after = end + fence.length;
    if (text[after] !== "`") return end;
    while (text[after] === "`") after += 1;
    end = text.indexOf(fence, after);
  }
  return -1;
}

const trimCode = (code) =>
  /^ .*[^ ].* $/s.test(code) ? code.slice(1, -1).replaceAll("\n", " ") : code.replaceAll("\n", " ");

// [words](address) and ![words](address): an image is never loaded, it becomes a link.
function readLink(reading, at) {
  const { text, depth } = reading;
  const from = text[at] === "!" && text[at + 1] === "[" ? at + 1 : at;
  if (text[from] !== "[" || depth >= DEEPEST) return null;
  const middle = closingBracket(reading, from);
  if (middle < 0 || text[middle + 1] !== "(") return null;
  const target = /\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]{0,300}")?\s*\)/y;
  target.lastIndex = middle + 1;
  const found = target.exec(text);
  if (!found) return null;
  const words = readInline(text.slice(from + 1, middle), { depth: depth + 1 });
  return [link(found[1], words.length ? words : [found[1]]), target.lastIndex];
}

function closingBracket(reading, at) {
  if (reading.dead.has("[")) return -1;
  const { text } = reading;
  const limit = Math.min(text.length, at + LONGEST_LINK);
  for (let i = at, level = 0; i < limit; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") level += 1;
    else if (text[i] === "]" && --level === 0) return i;
  }
  if (limit === text.length) reading.dead.add("[");
  return -1;
}

function readBareLink({ text }, at) {
  ANGLE_LINK.lastIndex = at;
  const angle = ANGLE_LINK.exec(text);
  if (angle) return [link(angle[1], [angle[1].replace(/^mailto:/, "")]), ANGLE_LINK.lastIndex];
  if (at > 0 && /\w/.test(text[at - 1])) return null;
  BARE_LINK.lastIndex = at;
  let address = BARE_LINK.exec(text)?.[0].replace(/[.,:;!?*_~\]]+$/, "");
  if (address?.endsWith(")") && !address.includes("(")) address = address.replace(/\)+[.,:;!?]*$/, "");
  return address ? [link(address, [address]), at + address.length] : null;
}

function readPair(reading, at) {
  const { text, depth } = reading;
  if (text[at] === "\n") return [text[at - 1] === " " && text[at - 2] === " " ? { type: "break" } : "\n", at + 1];
  for (const [mark, type] of PAIRS) {
    if (!text.startsWith(mark, at) || !opens(text, at, mark)) continue;
    const from = at + mark.length;
    const end = depth < DEEPEST ? closing(reading, mark, from) : -1;
    if (end < 0) continue;
    const inner = text.slice(from, end);
    const last = end + mark.length > text.length;
    const pieces = readInline(inner, { open: last, depth: depth + 1 });
    return [{ type, pieces }, Math.min(end + mark.length, text.length)];
  }
  return null;
}

const wordy = (char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);

function opens(text, at, mark) {
  const next = text[at + mark.length];
  if (next === undefined || /\s/.test(next)) return false;
  return mark[0] !== "_" || !wordy(text[at - 1]);
}

// Where the mark closes, or -1; a mark that once found no end is not looked for again.
function closing(reading, mark, from) {
  const { text, open, dead } = reading;
  if (dead.has(mark)) return -1;
  for (let end = from; (end = text.indexOf(mark, end)) >= 0; end += 1) {
    if (mark.length === 1 && text[end + 1] === mark) {
      end += 1; // part of a double mark
      continue;
    }
    if (end > from && closes(text, end, mark)) return mark === "**" && text[end + 2] === "*" ? end + 1 : end;
  }
  dead.add(mark);
  return open && mark === "**" ? text.length : -1;
}

function closes(text, end, mark) {
  const before = text[end - 1];
  if (/\s/.test(before) || before === "\\") return false;
  return mark[0] !== "_" || !wordy(text[end + mark.length]);
}

// Anything but these three schemes, and anything a browser would read as one, stays text.
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function link(address, pieces) {
  return { type: "link", address: safeAddress(address), pieces };
}
