// What every program here shares: its packages, what it is told on stdin, and a fetch that counts.
// In and out as of openai_sdk.py, with one kind of client: {"node": {name: what was seen}}.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.MODULES}/program.js`);

export const load = (name) => import(pathToFileURL(require.resolve(name)).href);

// A fetch of its own for each question: how many requests it took is told beside the answer.
export function counted() {
  const counting = async (...request) => {
    counting.requests += 1;
    return fetch(...request);
  };
  counting.requests = 0;
  return counting;
}

async function readAll(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString('utf8'));
}

// *how* answers an ask by its `how`; *explain* says what an exception of the SDK is, or nothing.
export async function run(how, explain) {
  const told = await readAll(process.stdin);
  const answer = async (ask) => {
    const network = counted();
    let seen;
    try {
      seen = await how[ask.how]({ url: told.url, key: ask.key ?? told.key, network, ask });
    } catch (error) {
      seen = explain(error) ?? { crashed: error.stack };
    }
    return [ask.name, { ...seen, requests: network.requests }];
  };
  const seen = Object.fromEntries(await Promise.all(told.asks.map(answer)));
  process.stdout.write(JSON.stringify({ node: seen }));
}
