"""Replacing parts of moto's interpreter where it offers no hook."""


def patch(owner: object, **parts: object) -> None:
    """Replace attributes of a class or module of moto; the caller says what AWS does instead.

    Raises AttributeError for a part that this version of moto does not have.
    """
    for name, part in parts.items():
        getattr(owner, name)
        setattr(owner, name, part)
