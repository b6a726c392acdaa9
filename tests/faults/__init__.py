"""The fault harness: the whole product under load, its processes killed at random and at chosen moments, then every event counted."""
