// Anthropic's own SDK on any model: an answer as it is written, then a function that is called.
import Anthropic from "@anthropic-ai/sdk";

const model = process.env.MODEL ?? "openai/gpt-4o";
const client = new Anthropic({ baseURL: process.env.BFF_URL, apiKey: process.env.BFF_KEY });
const weather = {
  name: "get_weather",
  description: "The weather in a city.",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

const answer = client.messages.stream({
  model,
  max_tokens: 1000,
  messages: [{ role: "user", content: "What is a sequence diagram?" }],
});
answer.on("text", (text) => process.stdout.write(text));
await answer.finalMessage();
console.log();

const messages = [{ role: "user", content: "What is the weather in Bern?" }];
const asked = await client.messages.create({
  model,
  max_tokens: 1000,
  messages,
  tools: [weather],
  tool_choice: { type: "any" },
});
messages.push({ role: "assistant", content: asked.content });
const results = [];
for (const call of asked.content.filter((block) => block.type === "tool_use")) {
  console.log("asks for", call.name, call.input);
  results.push({ type: "tool_result", tool_use_id: call.id, content: "Sunny, 21 degrees" });
}
messages.push({ role: "user", content: results });
const told = await client.messages.create({ model, max_tokens: 1000, messages, tools: [weather] });
console.log(told.content.map((block) => block.text ?? "").join(""));
