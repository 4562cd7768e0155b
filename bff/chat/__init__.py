"""WORDS: the vocabulary every room shares."""
