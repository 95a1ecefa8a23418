"""Tuning studies: the tries, the chosen recipes, and the importance of the settings."""
