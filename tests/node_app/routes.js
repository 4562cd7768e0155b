// The Node app's routes (node-bff.md §3). Nothing catches what a handler did not expect: such a request
// is never answered, as there. `/uninstalled` and `/track` have no route.

const fetch = require("node-fetch");
const { shell } = require("./views");

const CHAT_PROMPT =
  "You are an AI assistant called 'GPTDock'. Answer in well-formatted markdown. Use headings, lists, " +
  "code blocks, and formatting to make responses readable.";
const DIAGRAM_PROMPT = "You're a Mermaid diagram expert.";
const IMAGE_PROMPT =
  "Generate Mermaid DSL for the given sequence diagram image. Output the DSL in code block.";

const { env } = process;
const CLIENT_INFO = env.CLIENT_INFO_BASEURL || "http://localhost:5001";
const system = (content) => ({ role: "system", content });

function ask(body) {
  return fetch(`${env.OPENAI_BASEURL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${env.OPENAI_API_KEY}` },
    body: JSON.stringify({ ...body, max_tokens: 4096 }),
  });
}

function mapped(message) {
  const author = message.author || {};
  const [first] = (message.content && message.content.parts) || [];
  return { role: author.role || message.role || "user", content: first || message.content || "" };
}

async function conversations(req, res) {
  const { messages } = req.body;
  if (!Array.isArray(messages) || messages.length === 0) {
    res.status(422).json({ error: "Messages array is required" });
    return;
  }
  try {
    const answer = await ask({
      model: "gpt-3.5-turbo",
      messages: [system(CHAT_PROMPT), ...messages.map(mapped)],
      stream: true,
    });
    if (!answer.ok) {
      res.status(answer.status).json({ error: "OpenAI API error" });
      return;
    }
    res.setHeader("Content-Type", "text/event-stream"); // `set` would add a charset
    res.set("Cache-Control", "no-cache");
    res.set("Connection", "keep-alive");
    answer.body.pipe(res); // and when it breaks, the answer never ends
  } catch (error) {
    res.status(500).json({ error: error.message });
  }
}

const clientInfo = (addon, quota) => async (req, res) => {
  const { clientKey } = req.context;
  if (!clientKey || !addon.key) {
    res.status(400).json({ error: "client_id and product_id must be provided" });
    return;
  }
  try {
    const { client, created } = await quota.findOrCreate(clientKey, addon.key);
    const { client_id, max_quota, token_quota } = client;
    const quota_used = max_quota - token_quota;
    res.status(created ? 201 : 200).json({ client_id, quota_used, max_quota });
  } catch (error) {
    res.status(500).json({ error: "Internal server error" });
  }
};

async function oldClientInfo(req, res) {
  const { clientKey, addonKey } = req.context;
  const query = `client_id=${clientKey}&product_id=${addonKey}`;
  const headers = { Authorization: "Bearer localhost" };
  const answer = await fetch(`${CLIENT_INFO}/v1/client/info?${query}`, { headers });
  answer.body.pipe(res);
}

// One of the two diagram routes: *needed* is the field of the body it wants, *question* makes the
// upstream request of it, *failed* and *drawn* the answers.
const diagram = (addon, quota, { needed, question, failed, missing, drawn }) => async (req, res) => {
  if (!req.body[needed]) {
    res.status(422).end();
    return;
  }
  const { clientKey, userAccountId } = req.context;
  if ((await quota.left(clientKey, addon.key)) <= 0) {
    res.status(402).json({ error: "Not enough tokens" });
    return;
  }
  const reply = await (await ask(question(req.body[needed]))).json();
  if (reply.error || !reply.usage) {
    res.json(failed);
    return;
  }
  await quota.deduct(clientKey, addon.key, userAccountId, reply.usage.total_tokens);
  const [choice] = reply.choices || [];
  res.json(choice ? drawn(choice.message.content, req.body[needed]) : missing);
};

const IMAGE = {
  needed: "imageUrl",
  question: (image_url) => {
    const content = [
      { type: "text", text: IMAGE_PROMPT },
      { type: "image_url", image_url },
    ];
    const messages = [system(DIAGRAM_PROMPT), { role: "user", content }];
    return { model: "gpt-4-vision-preview", messages };
  },
  failed: "Something is wrong: ",
  missing: "Something is wrong...",
  drawn: (answer) => answer,
};

const MESSAGES = {
  needed: "messages",
  question: (messages) => ({ model: "gpt-4o", messages: [system(DIAGRAM_PROMPT)].concat(messages) }),
  failed: { error: "Response error" },
  missing: { error: "Missing choices" },
  drawn: (answer, messages) => ({ answer, messages }),
};

function attachment(req, res) {
  const file = `zenuml-${req.query.uuid}.png`;
  res.send(`<ac:image ac:width="950"> <ri:attachment ri:filename="${file}" /> </ac:image>`);
}

const aiAide = (addon) => (req, res) => {
  const url = `/rest/api/content/ ${req.query.contentId}/property/ai-aide`;
  addon.httpClient(req).get({ url }, (error, response, body) => {
    const property = JSON.parse(body); // anything else than JSON ends the process
    const approvals = property.statusCode === 404 ? 0 : property.value.approvedBy.length;
    res.render("ai-aide", { approvals });
  });
};

module.exports = function routes(app, addon, quota) {
  const token = addon.checkValidToken();
  app.get("/", (req, res) => res.redirect("/atlassian-connect.json"));
  app.get("/hello-world", (req, res) => shell(res, "hello-world", "Atlassian Connect"));
  app.get("/listView", (req, res) => shell(res, "listView", "Diagramly Dashboard"));
  app.get("/attachment", attachment);
  app.get("/ai-aide", addon.authenticate(), aiAide(addon));
  app.post("/conversations", token, conversations);
  app.get("/v2/client/info", token, clientInfo(addon, quota));
  app.get("/client/info", token, oldClientInfo);
  app.post("/image-to-dsl", token, diagram(addon, quota, IMAGE));
  app.post("/image-to-dsl2", token, diagram(addon, quota, MESSAGES));
};
