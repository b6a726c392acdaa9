"""Machines: parameters and answers."""

from services.query.parameters.fields import OptionalUser, Paged


class MachineList(Paged):
    user: OptionalUser = None
