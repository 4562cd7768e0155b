"""The name of the dialect, beside every original in it."""

NAME = "openai_responses"
