"""The app's door: python app.py [OPTIONS], the same as skinscan serve [OPTIONS]."""

import sys

from skinscan.cli import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
