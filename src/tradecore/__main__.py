"""`python -m tradecore`: the command line, where its script is not on the path."""

from tradecore.interfaces.cli.main import main

if __name__ == "__main__":
    main()
