"""`python -m skinscan.cli`."""

from skinscan.cli import main

if __name__ == "__main__":
    main()
