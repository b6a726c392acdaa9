"""A thousand connections of mixed clients: slow ones must not keep quick ones out."""
