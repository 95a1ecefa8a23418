"""Reports: records as tables, figures, Markdown and HTML. Free of torch."""
