"""``python -m lcsearch`` is the command ``lcsearch``."""

from lcsearch.cli.main import main

if __name__ == "__main__":
    main()
