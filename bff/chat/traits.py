"""What a model's family can be told, and what its limit is called. Table: policy/models.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """*most_output* is the most tokens an answer can have, for vendors who must be told;
    *limit_field* what OpenAI's families call that limit.
    """

    limit_field: str = "max_completion_tokens"
    only_limit: bool = False  # refuses the limit's other name
    most_output: int = 4096
    sampling: bool = True  # takes temperature and top_p
    both_samplings: bool = True  # takes them together
    effort: bool = True  # takes a reasoning effort
    schema: bool = True  # can be held to a JSON schema
    thinks_long: bool = False  # silent for long before its first byte
    usage_in_stream: bool = True  # takes `stream_options`
    developer: bool = True  # knows OpenAI's newer name of the system's role
