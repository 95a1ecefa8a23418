"""``python -m rnnbench``."""

from rnnbench.cli.main import main

if __name__ == "__main__":
    main()
