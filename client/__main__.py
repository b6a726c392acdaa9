"""`python -m client` is `tracker`."""

from client.command_line import main

if __name__ == "__main__":
    main()
