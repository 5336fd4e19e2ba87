"""`python -m app` is `turnlog`."""

from app.cli import main

if __name__ == "__main__":  # a worker process reads this file too, under another name
    main()
