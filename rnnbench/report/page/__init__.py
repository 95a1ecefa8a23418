"""The page of a report: tables, sentences, HTML and Markdown."""
