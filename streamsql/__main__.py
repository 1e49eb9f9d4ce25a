"""`python -m streamsql` is the command `streamsql`."""

from streamsql.cli.app import main

if __name__ == "__main__":
    main()
