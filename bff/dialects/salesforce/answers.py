"""An answer of the Models API as our Reply: it always comes whole. What the vendor cannot do is
made up for here: tool calls are read from the text, and stop sequences cut it. Source: providers.md
§4, §6.4, §7.4.
"""

from collections.abc import Callable
from dataclasses import replace

from bff.chat.events import FinishReason
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_usage
from bff.dialects.json_prompt import unwrap_json
from bff.dialects.json_text import read_json
from bff.dialects.plain_turns import cut_at
from bff.dialects.salesforce import pieces
from bff.dialects.salesforce.asking import Endpoint, as_turns
from bff.dialects.salesforce.refusals import not_an_answer, read_error_inside
from bff.dialects.tool_prompt import Place, read_tools


def read_reply(
    data: bytes,
    request: ChatRequest,
    *,
    endpoint: Endpoint,
    new_id: Callable[[], str],
    place: Place = Place.SYSTEM,
) -> tuple[Reply, int]:
    """The answer to *request*, and how many calls in it could not be read. *new_id* names a call.
    Raises Problem when it is an error, or no answer.
    """
    try:
        wire = read_json(data)
    except ValueError as cause:
        raise not_an_answer() from cause
    said = pieces.read_text(wire)
    if said is None:
        raise read_error_inside(wire)
    heard = read_tools(said, request, new_id)
    text, stopped_by = cut_at(heard.text, request.stop)
    calls = () if stopped_by else heard.calls  # calls end an answer: it did not come to them
    usage = pieces.read_usage(wire)
    if usage is None:
        sent = replace(request, messages=as_turns(request, endpoint=endpoint, place=place))
        usage = estimated_usage(sent, len(said))
    reply = Reply(
        text=text if request.format is None else unwrap_json(text),
        usage=usage,
        calls=calls,
        reason=_reason(wire, stopped=bool(stopped_by), called=bool(calls)),
        started=pieces.read_started(wire),
        stopped_by=stopped_by,
        toxic=pieces.read_toxic(wire),
    )
    return reply, heard.failed


def _reason(wire: object, *, stopped: bool, called: bool) -> FinishReason:
    """Calls are what we read, whatever upstream says of them: an answer that ends with calls must
    have some.
    """
    reason = FinishReason.STOP if stopped else pieces.read_reason(wire) or FinishReason.STOP
    if called and reason is FinishReason.STOP:
        return FinishReason.TOOL_CALLS
    if reason is FinishReason.TOOL_CALLS and not called:
        return FinishReason.STOP
    return reason
