"""Two services asked the same, and what they answered held side by side: behind `bff compare`."""
