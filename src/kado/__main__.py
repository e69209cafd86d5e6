"""`python -m kado` is the same as `kado`."""

from kado.app import main

main()
