"""Erasures: parameters of their list."""

from services.query.parameters.fields import Paged


class ErasureList(Paged):
    """Nothing but the page."""
