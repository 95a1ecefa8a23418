"""Plain data: specifications, results, the syntax of names, and the store. Free of torch."""
