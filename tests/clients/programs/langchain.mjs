// LangChain's ChatOpenAI, which n8n's nodes are made of: over completions and over responses.

import { load, run } from './client.mjs';

const { ChatOpenAI } = await load('@langchain/openai');
const { HumanMessage, SystemMessage, ToolMessage } = await load('@langchain/core/messages');

function modelOf({ url, key, network, ask }) {
  const model = new ChatOpenAI({
    model: ask.body.model,
    apiKey: key,
    configuration: { baseURL: `${url}/v1`, fetch: network },
    useResponsesApi: ask.responses ?? false,
    maxRetries: ask.max_retries ?? 2,
    temperature: 0.7,
    maxTokens: -1,
    streamUsage: true,
  });
  return ask.body.tools ? model.bindTools(ask.body.tools) : model;
}

const messagesOf = ({ body }) =>
  body.messages.map(({ role, content }) =>
    role === 'system' ? new SystemMessage(content) : new HumanMessage(content),
  );

const shown = (message) => ({
  text: message.text,
  calls: (message.tool_calls ?? []).map(({ name, args }) => [name, args]),
  used: message.usage_metadata.input_tokens > 0 && message.usage_metadata.output_tokens > 0,
});

await run(
  {
    async create(told) {
      return shown(await modelOf(told).invoke(messagesOf(told.ask)));
    },
    async stream(told) {
      let whole;
      for await (const chunk of await modelOf(told).stream(messagesOf(told.ask))) {
        whole = whole ? whole.concat(chunk) : chunk;
      }
      return shown(whole);
    },
    async loop(told) {
      const model = modelOf(told);
      const asked = messagesOf(told.ask);
      const first = await model.invoke(asked);
      const results = first.tool_calls.map(
        ({ id, name }) =>
          new ToolMessage({ tool_call_id: id, content: told.ask.results[name] }),
      );
      return shown(await model.invoke([...asked, first, ...results]));
    },
  },
  (error) => ({
    error: error.constructor.name,
    status: error.status ?? null,
    message: Boolean(error.message),
  }),
);
