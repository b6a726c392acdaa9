"""Saved views: parameters of their list."""

from services.query.parameters.fields import Paged


class ViewList(Paged):
    """Nothing but the page."""
