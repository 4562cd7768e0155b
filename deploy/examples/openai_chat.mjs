// OpenAI's own SDK on any model: an answer as it is written, then a function that is called.
import OpenAI from "openai";

const model = process.env.MODEL ?? "openai/gpt-4o";
const client = new OpenAI({ baseURL: `${process.env.BFF_URL}/v1`, apiKey: process.env.BFF_KEY });
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};

const answer = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "What is a sequence diagram?" }],
  stream: true,
});
for await (const chunk of answer) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
console.log();

const messages = [{ role: "user", content: "What is the weather in Bern?" }];
const asked = await client.chat.completions.create({
  model,
  messages,
  tools: [weather],
  tool_choice: "required",
});
const said = asked.choices[0].message;
messages.push(said);
for (const call of said.tool_calls ?? []) {
  console.log("asks for", call.function.name, JSON.parse(call.function.arguments));
  messages.push({ role: "tool", tool_call_id: call.id, content: "Sunny, 21 degrees" });
}
const told = await client.chat.completions.create({ model, messages, tools: [weather] });
console.log(told.choices[0].message.content);
