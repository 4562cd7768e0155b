// OpenAI's SDK for JavaScript, asked as openai_sdk.py asks the one for Python.

import { load, run } from './client.mjs';

const { default: OpenAI } = await load('openai');

const clientOf = ({ url, key, network, ask }) =>
  new OpenAI({ apiKey: key, baseURL: `${url}/v1`, fetch: network, maxRetries: ask.max_retries ?? 2 });

const used = (usage) => (usage ? usage.prompt_tokens > 0 && usage.completion_tokens > 0 : null);
const callsOf = (message) =>
  (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
const shown = ({ message, finish_reason: reason }, usage) => ({
  text: message.content,
  calls: callsOf(message),
  reason,
  used: used(usage),
});
const responded = (response) => ({
  text: response.output_text,
  calls: response.output
    .filter((item) => item.type === 'function_call')
    .map((item) => [item.name, JSON.parse(item.arguments)]),
  reason: response.status,
  used: response.usage.input_tokens > 0 && response.usage.output_tokens > 0,
});

const bodyOf = ({ extra_body: more, ...body }) => ({ ...body, ...more });

await run(
  {
    async create(told) {
      const completion = await clientOf(told).chat.completions.create(bodyOf(told.ask.body));
      const [choice] = completion.choices;
      const legacy = choice.message.function_call;
      if (legacy) {
        return { legacy: [legacy.name, JSON.parse(legacy.arguments)], reason: choice.finish_reason };
      }
      return shown(choice, completion.usage);
    },
    async stream(told) {
      const chunks = await clientOf(told).chat.completions.create({ ...told.ask.body, stream: true });
      let text = '';
      let reason = null;
      let usage = null;
      const calls = [];
      for await (const chunk of chunks) {
        usage = chunk.usage ?? usage;
        for (const { delta, finish_reason: ending } of chunk.choices) {
          text += delta.content ?? '';
          reason = ending ?? reason;
          for (const call of delta.tool_calls ?? []) {
            calls[call.index] ??= [call.function.name, ''];
            calls[call.index][1] += call.function.arguments ?? '';
          }
        }
      }
      const read = calls.map(([name, said]) => [name, JSON.parse(said)]);
      return { text, calls: read, reason, used: used(usage) };
    },
    async helper(told) {
      const stream = clientOf(told).chat.completions.stream(told.ask.body);
      const completion = await stream.finalChatCompletion();
      return shown(completion.choices[0], told.ask.body.stream_options ? completion.usage : null);
    },
    async loop(told) {
      const client = clientOf(told);
      const { body, results } = told.ask;
      const first = await client.chat.completions.create(body);
      const { message } = first.choices[0];
      const answers = message.tool_calls.map((call) => ({
        role: 'tool',
        tool_call_id: call.id,
        content: results[call.function.name],
      }));
      const messages = [...body.messages, message, ...answers];
      const second = await client.chat.completions.create({ ...body, messages });
      return shown(second.choices[0], second.usage);
    },
    async models(told) {
      const ids = [];
      for await (const model of clientOf(told).models.list()) ids.push(model.id);
      return { listed: ids.includes(told.ask.model) };
    },
    async model(told) {
      const model = await clientOf(told).models.retrieve(told.ask.model);
      return { found: model.id === told.ask.model && model.object === 'model' };
    },
    async respond(told) {
      return responded(await clientOf(told).responses.create(told.ask.body));
    },
    async respond_streamed(told) {
      return responded(await clientOf(told).responses.stream(told.ask.body).finalResponse());
    },
    async respond_loop(told) {
      const client = clientOf(told);
      const { body, results } = told.ask;
      const first = await client.responses.create(body);
      const outputs = first.output
        .filter((item) => item.type === 'function_call')
        .map((item) => ({
          type: 'function_call_output',
          call_id: item.call_id,
          output: results[item.name],
        }));
      const input = [{ role: 'user', content: body.input }, ...first.output, ...outputs];
      return responded(await client.responses.create({ ...body, input }));
    },
  },
  (error) =>
    error instanceof OpenAI.APIError && {
      error: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      param: error.param ?? null,
      message: Boolean(error.error?.message),
    },
);
