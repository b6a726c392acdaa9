KINDS = frozenset()
