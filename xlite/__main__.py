"""`python -m xlite` is the `xlite` command."""

from xlite.cli.app import main

if __name__ == "__main__":
    main()
