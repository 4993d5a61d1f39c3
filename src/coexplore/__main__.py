"""`python -m coexplore` is the command line."""

from coexplore.cli.app import main

if __name__ == "__main__":
    main()
