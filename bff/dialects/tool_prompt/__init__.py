"""Tools for models that have none: told in the prompt, read out of the answer.

`write_tools` puts definitions, calls and results into the text of the messages, `ToolReader` and
`read_tools` take calls out of what the model says. Source: contract providers.md §6.1, §7.4.

Whatever is doubtful is text, and what the model says is what it says:

* All of a piece of markup are calls, or none. Once markup is broken, so that nobody knows where it
  ends, the rest of the answer is text: a hostile argument must not be read as the next call.
* In quotes and in code nothing is markup (`markdown`), but a fence of JSON that is wholly calls.
* We ask for JSON, where a tag inside a string is a part of the string. A model that copies hostile
  text without escaping it may still be made to say another call: one with quotes and tags that fit
  in JSON, one with `</arg_value>` in GLM's form, which knows no escapes.
* A model that can be talked into writing a call, or writes one of a family we do not know around
  one we know, has made that call. Whoever runs a tool decides whether it may be run.
"""

from bff.dialects.tool_prompt.place import Place, offered
from bff.dialects.tool_prompt.reading import Heard, ToolReader, read_tools
from bff.dialects.tool_prompt.writing import write_tools

__all__ = ["Heard", "Place", "ToolReader", "offered", "read_tools", "write_tools"]
