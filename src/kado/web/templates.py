"""Templates of a door, with the building blocks that all doors share."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def templates_of(package: str) -> Environment:
    """Those in the package's folder `templates`; what is not there is looked for among the building blocks.

    Whatever is filled in is escaped, and what is missing is a fault rather than nothing.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("kado.web", "blocks")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
