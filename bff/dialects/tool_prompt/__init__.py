"""Tools for models that have none: told in the prompt, read out of the answer.

`write_tools` puts definitions, calls and results into the text of the messages, `ToolReader` and
`read_tools` take calls out of what the model says. Source: contract providers.md §6.1, §7.4.

Whatever is doubtful is text, and what the model says is what it says:

* All of a piece of markup are calls, or none. Once markup is broken, so that nobody knows where it
  ends, the rest of the answer is text: a hostile argument must not be read as the next call.
* In code nothing is markup (`markdown`), but a fence of JSON that is wholly calls.
* GLM's form cannot say a value that holds `</arg_value>`, for it escapes nothing: a model that
  copies hostile text into it raw may be made to call something else. The form we ask for is JSON,
  where a tag inside a string is a part of the string.
* A model that can be talked into writing a call of its own has made that call.
"""

from bff.dialects.tool_prompt.place import Place, offered
from bff.dialects.tool_prompt.reading import Heard, ToolReader, read_tools
from bff.dialects.tool_prompt.writing import write_tools

__all__ = ["Heard", "Place", "ToolReader", "offered", "read_tools", "write_tools"]
