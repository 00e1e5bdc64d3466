"""The web page's door: python app.py [port]."""

from skinscan.web import main

if __name__ == "__main__":
    main()
