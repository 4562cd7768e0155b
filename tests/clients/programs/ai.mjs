// The AI SDK with an OpenAI-compatible provider: it runs the tools itself, until there is a text.

import { load, run } from './client.mjs';

const { generateText, streamText, jsonSchema, isStepCount, tool } = await load('ai');
const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible');

const modelOf = ({ url, key, network, ask }) =>
  createOpenAICompatible({
    name: 'bff',
    apiKey: key,
    baseURL: `${url}/v1`,
    fetch: network,
    includeUsage: true,
  })(ask.body.model);

// By the names of openai_sdk.py's messages, with tools that say what the ask says they do.
function optionsOf(told, called) {
  const { body, results } = told.ask;
  const tools = (body.tools ?? []).map(({ function: { name, description, parameters } }) => [
    name,
    tool({
      description,
      inputSchema: jsonSchema(parameters),
      execute: (input) => {
        called.push([name, input]);
        return results[name];
      },
    }),
  ]);
  return {
    model: modelOf(told),
    instructions: body.messages.find(({ role }) => role === 'system')?.content,
    messages: body.messages.filter(({ role }) => role !== 'system'),
    maxRetries: 2,
    ...(tools.length && { tools: Object.fromEntries(tools) }),
    stopWhen: isStepCount(3),
  };
}

const used = ({ inputTokens, outputTokens }) => inputTokens > 0 && outputTokens > 0;

await run(
  {
    async create(told) {
      const calls = [];
      const { text, finishReason, usage } = await generateText(optionsOf(told, calls));
      return { text, calls, reason: finishReason, used: used(usage) };
    },
    async stream(told) {
      const calls = [];
      let failure = null;
      const result = streamText({
        ...optionsOf(told, calls),
        onError: ({ error }) => {
          failure = error;
        },
      });
      let text = '';
      for await (const piece of result.textStream) text += piece;
      if (failure) throw failure;
      return { text, calls, reason: await result.finishReason, used: used(await result.usage) };
    },
  },
  (error) => {
    const last = error.lastError ?? error; // it wraps what it tried again
    return { error: last.name ?? last.type, status: last.statusCode ?? null, message: Boolean(last.message) };
  },
);
