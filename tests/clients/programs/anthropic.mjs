// Anthropic's SDK for JavaScript, asked as anthropic_sdk.py asks the one for Python.

import { load, run } from './client.mjs';

const { default: Anthropic } = await load('@anthropic-ai/sdk');

const clientOf = ({ url, key, network, ask }) =>
  new Anthropic({
    apiKey: key,
    baseURL: url + (ask.mount ?? ''),
    fetch: network,
    maxRetries: ask.max_retries ?? 2,
  });

const shown = (message) => ({
  text: message.content
    .filter((block) => block.type === 'text')
    .map((block) => block.text)
    .join(''),
  calls: message.content
    .filter((block) => block.type === 'tool_use')
    .map((block) => [block.name, block.input]),
  reason: message.stop_reason,
  sequence: message.stop_sequence,
  used: message.usage.input_tokens > 0 && message.usage.output_tokens > 0,
});

const bodyOf = ({ extra_body: more, ...body }) => ({ ...body, ...more });

await run(
  {
    async create(told) {
      return shown(await clientOf(told).messages.create(bodyOf(told.ask.body)));
    },
    async stream(told) {
      let text = '';
      let reason = null;
      const used = [];
      const events = await clientOf(told).messages.create({ ...told.ask.body, stream: true });
      for await (const event of events) {
        if (event.type === 'message_start') used.push(event.message.usage.input_tokens > 0);
        if (event.delta?.type === 'text_delta') text += event.delta.text;
        if (event.type === 'message_delta') {
          reason = event.delta.stop_reason;
          used.push(event.usage.output_tokens > 0);
        }
      }
      return { text, reason, used: used.length === 2 && used.every(Boolean) };
    },
    async helper(told) {
      return shown(await clientOf(told).messages.stream(told.ask.body).finalMessage());
    },
    async loop(told) {
      const client = clientOf(told);
      const { body, results } = told.ask;
      const { content } = await client.messages.create(body);
      const answers = content
        .filter((block) => block.type === 'tool_use')
        .map((block) => ({
          type: 'tool_result',
          tool_use_id: block.id,
          content: results[block.name],
        }));
      const messages = [
        ...body.messages,
        { role: 'assistant', content },
        { role: 'user', content: answers },
      ];
      return shown(await client.messages.create({ ...body, messages }));
    },
    async count(told) {
      const { input_tokens: counted } = await clientOf(told).messages.countTokens(told.ask.body);
      return { counted: counted > 0 };
    },
    async models(told) {
      const ids = [];
      for await (const model of clientOf(told).models.list()) ids.push(model.id);
      return { listed: ids.includes(told.ask.model) };
    },
    async model(told) {
      const model = await clientOf(told).models.retrieve(told.ask.model);
      return { found: model.id === told.ask.model && model.type === 'model' };
    },
  },
  (error) =>
    error instanceof Anthropic.APIError && {
      error: error.constructor.name,
      status: error.status ?? null,
      type: error.error?.error?.type ?? null,
      message: Boolean(error.error?.error?.message),
    },
);
