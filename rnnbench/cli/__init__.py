"""The command line: words in, one line per error out."""
