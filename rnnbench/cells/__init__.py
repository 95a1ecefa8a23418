"""The cell kit: the core of a recurrent model, made of one plain step."""
