"""Runs that price anew: parameters of their list."""

from services.query.parameters.fields import Paged


class RepriceList(Paged):
    """Nothing but the page."""
