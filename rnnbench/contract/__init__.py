"""What a plugin implements, how it is checked and how it is loaded."""
