"""``python -m speechface`` is the ``speechface`` command."""

import sys

from speechface.cli import main

if __name__ == "__main__":
    sys.exit(main())
