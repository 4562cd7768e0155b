#!/usr/bin/env bash
# Four questions with nothing but curl. Needs BFF_URL and BFF_KEY.
set -euo pipefail
model=${MODEL:-openai/gpt-4o}
ask=(curl --silent --show-error --fail-with-body --header "Authorization: Bearer $BFF_KEY")

echo '# the models'
"${ask[@]}" "$BFF_URL/v1/models"

printf '\n\n# an answer in one piece\n'
"${ask[@]}" "$BFF_URL/v1/chat/completions" --json '{
  "model": "'"$model"'",
  "messages": [{"role": "user", "content": "What is a sequence diagram?"}]
}'

printf '\n\n# a stream, with what it used\n'
"${ask[@]}" --no-buffer "$BFF_URL/v1/chat/completions" --json '{
  "model": "'"$model"'", "stream": true, "stream_options": {"include_usage": true},
  "messages": [{"role": "user", "content": "Say hello"}]
}'

printf '\n# the responses endpoint\n'
"${ask[@]}" "$BFF_URL/v1/responses" --json '{"model": "'"$model"'", "input": "Say hello"}'

printf '\n\n# the same model, in the words of Anthropic\n'
"${ask[@]}" --no-buffer "$BFF_URL/v1/messages" --json '{
  "model": "'"$model"'", "max_tokens": 500, "stream": true,
  "messages": [{"role": "user", "content": "Say hello"}]
}'
