"""The embedded model: answers in markdown, the same to the same question. Pure; knows little.

Not a language model: it recognises a few wishes so that a demo shows what the chat can show.
"""

import re
from collections.abc import Iterable

import orjson

_GREETING = re.compile(r"\b(hello|hi|hey|hallo|bonjour|hola|ciao)\b|你好|こんにちは", re.IGNORECASE)
_DIAGRAM = re.compile(r"diagram|mermaid|zenuml|flow ?chart|sequence", re.IGNORECASE)
_CODE = re.compile(r"\b(code|function|python|javascript|script|program|snippet)\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(thanks?|thank you|merci|danke)\b", re.IGNORECASE)
_PIECE = re.compile(r"\s*\S+|\s+$")
_QUOTED = 280  # characters of the question that are said back

_HELLO = """## Hello! 👋

Nice to meet you. I am the **embedded model**: small, friendly, at home without network or key.

- Ask for a *sequence diagram* and I draw one.
- Ask for *code* and I show a snippet.
- Ask anything else and I tell you what I understood, in café French or 中文 too.
"""

_DRAWN = """## A diagram for you

You asked: {quote}

```mermaid
sequenceDiagram
    participant U as You
    participant C as Confluence
    participant B as GPTDock
    participant M as Model
    U->>C: ask in the page
    C->>B: question + signed token
    B->>M: the same question
    M-->>B: the answer, word by word
    B-->>U: streamed markdown ✨
```

1. The token says who asks.
2. The answer is **streamed**: you read while it is being written.
"""

_CODED = """## A snippet

You asked: {quote}

```python
def greet(name: str) -> str:
    \"\"\"Says hello, also to José and 小明.\"\"\"
    return f"Hello, {{name}}!"


print(greet("Confluence"))
```

- It is short on purpose.
- Change `name` and run it again.
"""

_THANKED = """## You are welcome! 🙂

Whenever you have another question, just ask.
"""

_ECHOED = """## Here is what I understood

You asked: {quote}

An embedded model knows no facts, but it can show how an answer will look:

1. **Headings** and lists, as in this one.
2. `inline code`, and blocks:

```text
{count} words, {size} characters
```

3. Letters from everywhere: é, ü, 中文, 🚀.

> Set `OPENAI_API_KEY` to have a real model answer this.
"""


def answer(question: str, *, earlier: int = 0) -> str:
    """*earlier*: how many messages of the conversation came before the question."""
    text = _form(question).format(
        quote=_quote(question), count=len(question.split()), size=len(question)
    )
    if earlier > 0:
        text += f"\nI remember the {earlier} earlier messages of this conversation.\n"
    return text


def calls(question: str, tools: Iterable[str]) -> list[tuple[str, str]]:
    """The tools that *question* names, in its order, each with its arguments: the JSON object right
    after the name (`now {"tz": "UTC"}`), else an empty one.
    """
    named = "|".join(sorted(map(re.escape, tools), key=len, reverse=True))
    if not named:
        return []
    return [
        (found[1], _arguments(question[found.end() :]))
        for found in re.finditer(rf"(?<![\w-])({named})(?![\w-])", question)
    ]


def told(result: str) -> str:
    """What is answered to the *result* of a call."""
    return f"The tool says: {result}"


def some_words(count: int) -> str:
    return " ".join(f"word{n}" for n in range(1, count + 1))


def pieces(text: str) -> list[str]:
    """Word by word; joined they are the text again."""
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """Roughly what a tokenizer would say."""
    return (len(text) + 3) // 4


def _form(question: str) -> str:
    for wish, form in ((_DIAGRAM, _DRAWN), (_CODE, _CODED), (_THANKS, _THANKED)):
        if wish.search(question):
            return form
    return _HELLO if _GREETING.search(question) or not question else _ECHOED


def _quote(question: str) -> str:
    """One line of the question, that cannot break the markdown around it."""
    line = " ".join(question.replace("`", "'").split())
    short = line if len(line) <= _QUOTED else line[:_QUOTED] + "…"
    return f"*“{short.replace('*', '·')}”*"


def _arguments(text: str) -> str:
    text = text.lstrip()
    if not text.startswith("{"):
        return "{}"
    for end in (found.end() for found in re.finditer("}", text)):
        try:
            return orjson.dumps(orjson.loads(text[:end])).decode()
        except ValueError:
            continue
    return "{}"
