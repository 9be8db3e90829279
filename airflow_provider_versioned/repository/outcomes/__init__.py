"""How uses of an alias went: counted without losing or doubling one, and read as facts for judges."""
