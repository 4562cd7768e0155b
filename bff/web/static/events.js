// Server-sent events out of text cut anywhere: what EventSource does, for a POST.
// Not a client: it opens nothing and waits for nothing.
// Source: HTML Living Standard, "9.2.6 Interpreting an event stream".

export class EventReader {
  #rest = "";
  #data = [];
  #started = false;
  #skipNewline = false; // the last piece ended in CR; an LF that follows belongs to it

  // The data of every event that is complete now, oldest first.
  feed(text) {
    const events = [];
    for (const line of this.#lines(text)) {
      if (line !== "") this.#take(line);
      else if (this.#data.length > 0) {
        events.push(this.#data.join("\n"));
        this.#data = [];
      }
    }
    return events;
  }

  #lines(text) {
    if (text === "") return [];
    if (!this.#started && text.startsWith("\uFEFF")) text = text.slice(1);
    if (this.#skipNewline && text.startsWith("\n")) text = text.slice(1);
    this.#started = true;
    this.#skipNewline = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    return lines;
  }

  #take(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    if (name !== "data") return; // comments and the fields we have no use for
    const value = colon < 0 ? "" : line.slice(colon + 1);
    this.#data.push(value.startsWith(" ") ? value.slice(1) : value);
  }
}
