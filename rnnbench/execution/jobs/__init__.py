"""The jobs that run inside a process of their own: trial, preflight, speed."""
