"""`python -m sockfs` is the command `sockfs`."""

from sockfs.cli.main import main

if __name__ == "__main__":
    main()
