"""`python -m harvest`: the same as the `harvest` command."""

from harvest.cli.main import main

if __name__ == "__main__":
    main()
