"""GPTDock BFF: Atlassian Connect in, streamed model answers out."""

__version__ = "0.1.0"
